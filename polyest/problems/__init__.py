"""The question: which function r(p), how many completions, which method, which budget.

- `problem`: the question, checked; `budget`: the point on its frontier; `unit`: the unit of κ in large groups;
- `targets`: r(p), a row each, by the names of `target_names`; `moments` and `objective` are integrals of r;
- `coefficients`: those of polynomials and L-statistics, as a caller lists them;
- `custom`: targets of your own, named by a `fingerprint`; `smoothness` finds what is not analytic.
"""
