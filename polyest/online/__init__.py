"""The runtime: answers → matches → look-up → rewards, advantages, values (theory.md §2 and §5).

`answers` turns what the user typed into integers, `groups` arranges ragged rows group by group, `twin` (numpy, slow and
obvious) and `fast` (numba) count and look up, `engine` chooses between them, `forms` joins all of it.
"""
