"""How far values may be from what they estimate: of one group, of means over groups and prompts, of differences.

>>> import polyest
>>> est = polyest.load("log", 16, method="harmonic")
>>> one = est.value_with_error([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5])
>>> print(f"{one.value:.3f} ± {one.standard_error:.3f}, bias about {one.bias:+.3f}; doubtful: {one.is_doubtful}")
-1.597 ± 0.194, bias about +0.038; doubtful: False

`estimate` has the value and its error, from the `profile` of the group and what its answers `pay`: from the law
that fits it (`multinomial`, whose `moments` are exact), by the `jackknife`, or `unbiased`; `success_rate` is for those.
`means` has means over groups and their differences, with `student`'s quantiles.
"""

from __future__ import annotations

from polyest.uncertainty.estimate import ValueEstimate
from polyest.uncertainty.means import Mean, Summary, summary
from polyest.uncertainty.moments import Moments, value_moments
from polyest.uncertainty.success_rate import success_with_error

__all__ = ["Mean", "Moments", "Summary", "ValueEstimate", "success_with_error", "summary", "value_moments"]
