"""A table's mean as a Bernstein polynomial in float64.

`bernstein` has the basis, and bias and noise as functions of p; `worst_case` the largest of them.
"""
