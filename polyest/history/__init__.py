"""More than one group: prompts that come back, and drawing until an answer recurs (theory.md §7).

>>> history = PromptHistory("log", group_size=4, method="harmonic", visits=2)
>>> history.score("prompt 1", ["a", "a", "b", "c"]).group_size
4
>>> history.score("prompt 1", ["a", "b", "b", "b"]).group_size
8

In training, batch by batch (`TrainingHistory`):

>>> history = TrainingHistory("log", "harmonic", visits=2)
>>> _ = history.score([7, 8], [["a", "a", "b"], ["a", "c", "d"]])
>>> history.score([8], [["a", "c", "c"]]).pool_sizes.tolist()
[[6, 6, 6]]

`pooling` is `PromptHistory`, `state` its saved form, `drift` what pooling costs while the policy moves,
`inverse_binomial` draws until an answer recurs. `training` is `TrainingHistory`: `fingerprints` of prompts and answers,
the `store` of visits and its `snapshot`, the `pools` of a batch, the `choice` of tables, the policy's `movement`, and
the `settings`.
"""

from __future__ import annotations

from polyest.history.drift import drift_bias, drift_sensitivity, squared_drift
from polyest.history.inverse_binomial import InverseBinomial, cap_for, recurrences
from polyest.history.movement import Movement
from polyest.history.pooling import Pooled, PromptHistory
from polyest.history.training import PooledBatch, TrainingHistory

__all__ = [
    "InverseBinomial",
    "Movement",
    "Pooled",
    "PooledBatch",
    "PromptHistory",
    "TrainingHistory",
    "cap_for",
    "drift_bias",
    "drift_sensitivity",
    "recurrences",
    "squared_drift",
]
