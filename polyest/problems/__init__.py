"""The question: which function r(p), how many completions, which method, which budget.

- `problem`: the question, checked; `unit`: the unit of κ in large groups;
- `targets`: r(p), a row each, by the names of `target_names`; `moments` and `objective` are integrals of r;
- `custom`: targets of your own, named by a `fingerprint`; `formal` finds what is not allowed and what is a polynomial,
  `smoothness` what is not analytic.
"""
