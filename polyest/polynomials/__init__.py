"""A table's mean as a Bernstein polynomial.

In float64: `bernstein` has the basis, and bias and noise as functions of p; `worst_case` the largest of them. Exactly:
`basis` in FLINT's numbers, the only mathematics that solver and proof share, and `powers`, polynomials in s.
"""
