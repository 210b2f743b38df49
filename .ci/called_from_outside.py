"""Names that no line of the package uses and that others call. `vulture` reads this file; nobody runs it."""

# Python
__getattr__
__dir__
_.__class__

# Arithmetic of `polyest.numbers.protocol.Number`, which formulas use
__sub__
__rsub__
__radd__
__rmul__
__truediv__
__rtruediv__
__pow__

# torch, argparse, mpmath, numba and llvmlite, transformers, TRL
_.forward
_.extra_repr
_._apply
recurse
_._check_value
_._print_message
_.dps
_._cache
_._cache_file
typing_context
_.pre_tokenizer
_.decoder
_.on_train_begin
_.on_save
_._buffered_inputs
_.on_step_end

# What Ray and tempfile read
_.enable_progress_bars
_.resource_limits
_.tempdir

# Users
_.expected_draws
_.bias_bound
_.pool_sizes
_.share_seen
_.forget
_.restore

# The template of `polyest.report`
_.caption
_.facts

# Keys of dictionaries that are passed on as a whole
averaged_groups
bias_ratio
noise_ratio
difference_to_plug_in
linestyle
mean_value

# Fields of a record that is read as a whole, and a part of a cache's key
estimated_bias
own_mean
rmse
sd
truth_of_rest
mean_of_64
difference
mtime_ns

# notebooks
_._repr_html_
_.plot
