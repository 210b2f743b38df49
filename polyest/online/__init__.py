"""The runtime: answers → matches → look-up → rewards, advantages, values (theory.md §2, §5 and §9).

In the order in which a call passes through it:

- `answers`: what the user typed as integers, by way of `hashable_answers` (a dictionary, fast where hashes collide too)
  or of strings' bytes; `extras` reads what else there is for each completion: a reference, weights;
- `grouping`: the dense and the ragged form, as a `layout` of groups with the `lookup` arrays of their sizes;
- `scoring`: rewards, advantages and values, where the caller wants them, by one of two backends that `backend` chooses
  from and that agree to the bit: `numpy_backend`, which reads as the theory does, and `compiled`, the door to all
  machine code.
"""
