"""What hands polyest's numbers on to other libraries: a folder or a file each, for what only one of them needs.

- arrays: `torch`, `jax`; trainers: `trl`, `verl`; answers in LaTeX, by math-verify: `math`;
- trainers that need a few lines: `skyrl`, `tinker`, `tunix`, `ms_swift`, over `ragged`, which pays flat completions;
- `code`: a reward and an answer in one number, for trainers that show nothing else (verl, SkyRL);
- `lookup` and `gaps`: tables and graded objectives as matrices that a framework can index;
- `extraction`: from texts to answers;
- `pay`: what a trainer pays for them, `pooling`: where prompts come back, `graded`: for objectives of `polyest.graded`.
"""
