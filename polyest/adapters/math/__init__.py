"""Keys of mathematical answers, through math-verify (extra ``math``).

`keys` is called from outside; `rules` has a rule for each kind of answer, `text` takes LaTeX apart, `values` brings
sympy's expressions to a normal form.
"""
