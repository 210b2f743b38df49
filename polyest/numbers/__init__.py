"""Numbers of every kind that formulas are run with, behind one Protocol (`protocol.py`): a kind, a file.

| file and context | type of the numbers | digits | who uses it |
| --- | --- | --- | --- |
| `float64.NumpyContext` | `float`, arrays of float64 | 16 | plots, games, the solvers' first approximation |
| `recorder.Recorder` | the same | 16 | `problems.smoothness`: where a formula is not analytic |
| `mpfr.Mpfr` | `gmpy2.mpfr`, object arrays of it | as asked for | the solvers |
| `multiprecision.Multiprecision` | `mpmath.mpf` | as asked for | quadrature, constants, oracles |
| `jets.JetContext` | `jets.Jet` over any of those above | theirs | the solvers' derivatives of p·r(p) |
| `decimals.DecimalContext` | `decimal.Decimal` | 60, correctly rounded | plug-in tables, checks of a bound |
| `formal.FormalContext` | `formal.Formal`, Σ a_e p^e | exact | whether a user's formula is allowed, or a polynomial |
| `balls.BallContext` | `flint.arb`, `flint.arb_series` | as asked for, with error bounds | proofs |
| `complex_balls.ComplexContext` | `flint.acb` | as asked for, with error bounds | proofs by quadrature |
| `adapters.lookup.ArrayFunctions` | `torch.Tensor`, `jax.Array` | theirs | adapters: r of a reference's probabilities |

`rationals` has exact rationals as text. Importing this package loads no library: each file loads that of its own kind
only. One kind becomes another exactly, by way of a `Fraction`: `conversion.to_fraction`, then the `rational` or
`array` of the other context, or `balls.ball`.

Solver and proof have no kind in common, though both load FLINT: the solvers' matrices are midpoints of its balls, which
enclose nothing (`polyest.offline.linear`). Of the mathematics they share the Bernstein basis alone
(`polyest.polynomials.basis`), beside the question and the answer themselves; `tests/numbers/test_protocol.py` lists
every module that both of them reach.
"""
