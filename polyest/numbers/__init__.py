"""Numbers of every kind that formulas are run with, behind one Protocol."""
