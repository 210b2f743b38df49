"""Methods that solve a program, one file each."""
