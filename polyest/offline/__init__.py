"""From a problem to a certified table: which file does what, in the order in which the numbers travel.

| step | files |
| --- | --- |
| the two programs, stated | `specification`, by way of `solver` |
| their data | `program`, `rows`, `bayes`; `numbers` for the arithmetics, `linear` for FLINT's matrices |
| minimax | `remez`, `methods/minimax` |
| aqp on points, float64 first | `exchange_in_float64`, `exchange`, with `peaks` and `quadratic` |
| aqp at any budget | `warm_start`, `solution_path`; `noise` and `named_point` turn a budget into κ |
| aqp to all digits | `reduction`, `methods/aqp` |
| graded rewards for n > K | `graded_program`, `methods/graded` |
| rounding | `solution`, `rounding`, `lattice` |
| table | `build`, with its certificate; `trace` is the whole frontier |
"""
