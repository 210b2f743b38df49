"""What a log says about its groups, and means of that over parts of the log, such as steps, with their errors.

| measure | of a group of K completions | estimates |
| --- | --- | --- |
| `value` | Σ over its answers, by a method's table | Σ_z ν(z) r(ν(z)); for `log` minus the entropy, in nats |
| `distinct` | different answers | what K completions show, less than there are |
| `singletons` | share of its answers that came once | the probability of an answer not seen yet (Good–Turing) |
| `no_answer` | share without an answer | its probability |
| `agreement` | share that agrees with the most frequent answer | more than the probability of the mode |
| `correct` | share of correct completions | the success rate |
| `pass@k` | 1 − C(K−h, k)/C(K, k), h correct | 1 − (1−s)^k, without bias |

Means count every prompt alike; their standard error is that over prompts (`polyest.summary`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest import success
from polyest.online.hashable_answers import encode
from polyest.uncertainty import summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyest.rollouts.grouping import Groups

    Array = NDArray[np.float64]

__all__ = ["MeanOfGroups", "group_measures", "means_by", "table_lines", "warnings"]

KS = (1, 2, 4, 8, 16, 32, 64, 128)  # of pass@k
ALL_DIFFERENT = 0.95  # share of singletons from which on a value is a bound and no estimate
FEW = 8  # completions of a group that leave more bias than error


@dataclass(frozen=True)
class MeanOfGroups:
    """The mean of a measure over prompts.

    Attributes:
        mean: every prompt counts alike.
        standard_error: over prompts as a sample; NaN for one prompt.
        prompts: how many have the measure.
    """

    mean: float
    standard_error: float
    prompts: int

    def as_json(self) -> dict[str, float | int | None] | None:
        """Its numbers, NaN as None; None where no prompt has the measure."""
        if not self.prompts:
            return None
        error = None if math.isnan(self.standard_error) else self.standard_error
        return {"mean": self.mean, "standard_error": error, "prompts": self.prompts}


def group_measures(
    groups: Groups, answers: Sequence[Hashable], correct: Sequence[float | None] | None = None
) -> dict[str, Array]:
    """The measures of every group that need no table, shape (G,); NaN where a group has none.

    Args:
        groups: which row is in which.
        answers: of the rows; None is no answer.
        correct: verdicts of the rows, if there are any; pass@k needs them to be 0 or 1.
    """
    sizes = np.array(groups.sizes, dtype=np.float64)
    given = np.array([answer is not None for answer in answers])
    codes, names = encode([*answers], "answers")
    width = max(len(names), 1)
    pairs, counts = np.unique(groups.of_row[given] * width + codes[given], return_counts=True)
    owner, number = pairs // width, len(sizes)
    with_answer = np.bincount(groups.of_row[given], minlength=number).astype(float)
    top = np.zeros(number)
    np.maximum.at(top, owner, counts)
    with np.errstate(invalid="ignore"):
        found = {
            "distinct": np.bincount(owner, minlength=number).astype(float),
            "singletons": np.bincount(owner, counts == 1, number) / with_answer,
            "no_answer": 1 - with_answer / sizes,
            "agreement": top / with_answer,
        }
    return found | _verdicts(groups, sizes, correct)


def _verdicts(groups: Groups, sizes: Array, correct: Sequence[float | None] | None) -> dict[str, Array]:
    if correct is None or any(verdict is None for verdict in correct):
        return {}
    verdicts = np.array(correct, dtype=np.float64)
    sums = np.bincount(groups.of_row, verdicts, len(sizes))
    found = {"correct": sums / sizes}
    if np.isin(verdicts, (0.0, 1.0)).all():
        for k in KS:
            if k <= sizes.max():
                found[f"pass@{k}"] = _pass_at(k, sums.astype(np.int64), sizes.astype(np.int64))
    return found


def _pass_at(k: int, hits: NDArray[np.int64], sizes: NDArray[np.int64]) -> Array:
    """By the exact table of every group's own size; NaN where that is below k."""
    found = np.full(len(sizes), np.nan)
    for size in np.unique(sizes[sizes >= max(k, 2)]).tolist():
        chosen = sizes == size
        found[chosen] = success.pass_at(k, size).value_coefficients[hits[chosen]]
    return found


def means_by(
    measures: dict[str, Array], prompts: Sequence[Hashable], parts: Sequence[Hashable]
) -> dict[Hashable, dict[str, MeanOfGroups]]:
    """Means over the prompts of every part, integers in order, others as they appear.

    Args:
        measures: of the groups, shape (G,), NaN where there is none.
        prompts, parts: of the groups; a part is a step, for instance.
    """
    keys = [*dict.fromkeys(parts)]
    if all(type(key) is int for key in keys):
        keys.sort(key=lambda key: int(str(key)))
    found: dict[Hashable, dict[str, MeanOfGroups]] = {}
    for key in keys:
        chosen = np.array([part == key for part in parts])
        names = [prompt for prompt, take in zip(prompts, chosen, strict=True) if take]
        found[key] = {name: _mean(values[chosen], names) for name, values in measures.items()}
    return found


def _mean(values: Array, prompts: Sequence[Hashable]) -> MeanOfGroups:
    known = ~np.isnan(values)
    count = len({prompt for prompt, is_known in zip(prompts, known, strict=True) if is_known})
    if count < 2:
        mean = float(values[known].mean()) if count else math.nan
        return MeanOfGroups(mean, math.nan, count)
    mean_of = summary(values, prompts)
    return MeanOfGroups(mean_of.mean, mean_of.standard_error, count)


def table_lines(by: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """A table of the means, one row per part, each rounded as its error allows, with what is to be known of it."""
    names = [name for name in rows[0] if name != by and any(row[name] for row in rows)]
    cells = [[by, *names], *([str(row[by]), *(_rounded(row[name]) for name in names)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return ["", *lines]


def _rounded(mean: dict[str, Any] | None) -> str:
    """Mean ± error to two digits of the error; four decimals where there is no error.

    >>> _rounded({"mean": -1.23456, "standard_error": 0.0321}), _rounded({"mean": 0.5, "standard_error": None})
    ('-1.235 ± 0.032', '0.5000')
    """
    if mean is None:
        return "–"
    error = mean["standard_error"] or 0.0
    if not error > 0:
        return f"{mean['mean']:.4f}"
    digits = min(max(1 - math.floor(math.log10(error)), 0), 9)
    return f"{mean['mean']:.{digits}f} ± {error:.{digits}f}"


def warnings(means: dict[str, MeanOfGroups], sizes: Sequence[int]) -> list[str]:
    """What has to be known before the numbers are believed, and what to do."""
    found = []
    alone = means["singletons"].mean
    if alone >= ALL_DIFFERENT:
        found.append(
            f"{alone:.0%} of the answers came once: entropies are lower bounds; sample more, or extract answers"
        )
    if means["no_answer"].mean > 0.5:
        found.append(f"{means['no_answer'].mean:.0%} of the completions have no answer; is the rule the right one?")
    if sizes and max(sizes) <= FEW:
        found.append(f"groups of at most {FEW}: the bias of a value is larger than its error")
    return found
