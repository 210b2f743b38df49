"""A table's mean as a Bernstein polynomial in float64: basis, bias, noise, their worst cases."""
