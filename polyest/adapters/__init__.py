"""What hands polyest's numbers on to other libraries: a folder each, for what only one of them needs.

- arrays: `torch`, `jax`; trainers: `trl`, `verl`; answers in LaTeX, by math-verify: `math`;
- `lookup` and `gaps`: tables and graded objectives as matrices that a framework can index;
- `extraction`: from texts to answers, `identity`: from answers to integers that are the same in every process;
- `pay`: what a trainer pays for them, `pooling`: where prompts come back.
"""
