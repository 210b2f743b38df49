"""More than one group: prompts that come back, and drawing until an answer recurs (theory.md §7).

>>> history = PromptHistory("log", group_size=4, method="harmonic", visits=2)
>>> history.score("prompt 1", ["a", "a", "b", "c"]).group_size
4
>>> history.score("prompt 1", ["a", "b", "b", "b"]).group_size
8

`pooling` is `PromptHistory`, `state` its saved form, `drift` what pooling costs while the policy moves,
`inverse_binomial` draws until an answer recurs.
"""

from __future__ import annotations

from polyest.history.drift import drift_bias, drift_sensitivity, squared_drift
from polyest.history.inverse_binomial import InverseBinomial, cap_for, recurrences
from polyest.history.pooling import Pooled, PromptHistory

__all__ = [
    "InverseBinomial",
    "Pooled",
    "PromptHistory",
    "cap_for",
    "drift_bias",
    "drift_sensitivity",
    "recurrences",
    "squared_drift",
]
