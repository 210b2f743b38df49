"""Keys of mathematical answers, through math-verify (extra ``math``)."""
