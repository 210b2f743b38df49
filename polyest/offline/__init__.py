"""From a problem to a certified table: which file does what, in the order in which the numbers travel.

| step | files |
| --- | --- |
| the programs, stated | `specification`, by way of `solver` |
| their data | `program`, `bayes`; `linear` for FLINT's matrices, `polyest.numbers` for the arithmetics |
| minimax | `remez`, `methods/minimax` |
| aqp on points, float64 first | `exchange_in_float64`, with `peaks` and `quadratic` |
| aqp at any budget | `solution_path`; `named_point` turns a budget into κ |
| aqp to all digits | `reduction`, `methods/aqp` |
| graded rewards for n > K | `methods/graded` |
| rounding | `solution`, `rounding`, `lattice` |
| table | `build`, with its certificate; `trace` is the whole frontier |
"""
