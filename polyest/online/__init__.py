"""The runtime: answers → matches → look-up → rewards, advantages, values (theory.md §2 and §5).

`answers` turns what the user typed into integers (hashable answers with a `dictionary`, or `strings`), `forms` finds
the groups in it (`layout`) and the tables they need (`lookup`), `engine` chooses who counts and looks up: `twin`
(numpy, slow and obvious) or `fast` (numba: `kernels`, `sorting`, `distinct`, `strings`, `vectors`). `scoring` adds the
`reference` and completions without an answer, `output` puts the numbers in their place.
"""
