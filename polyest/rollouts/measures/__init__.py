"""What a log says about its groups: every measure is a function of `polyest.rollouts.statistics.GroupStatistics`.

| measure | of a group of K completions, N of them with an answer | estimates |
| --- | --- | --- |
| `entropy_METHOD` | −Σ_z (n_z/N) c_N[n_z − 1], c_N of aqp, harmonic or plug_in | the entropy of the answers |
| `distinct`, `singletons` | answers that differ; share of answers that came once | see `ABOUT` |
| `agreement`, `collision` | share of the most frequent answer; share of pairs that agree | |
| `no_answer`, `correct` | shares of the K completions | |
| `pass@k`, `majority@k`, `vote@k`, `best_of(n)` | over all ways to draw k of the K completions | |
| `correct_entropy`, `correct_distinct` | of the correct completions alone | |
| `drift` | Σ_z (ν − ν')², ν' a step before | |

Files: `cells` has sums over answers and their jackknife; `answers`, `success`, `vote` and `drift` the measures, all of
them `of_groups`; `parts` of a log, `means` over their prompts with errors, `tables` of them, `differences` of runs,
`advice` in words; `whole` goes through a log that is too large to be held, some prompts at a time, and `gathering` puts
their tables together, on disk where parts are many. What `score` prints
and what trainers log under these names is the same.
"""

from __future__ import annotations

import re

from polyest.rollouts.measures.cells import Measured
from polyest.rollouts.measures.differences import Difference, differences
from polyest.rollouts.measures.gathering import Gathering, GatheringOnDisk
from polyest.rollouts.measures.means import MeanOfGroups, Means
from polyest.rollouts.measures.of_groups import group_measures
from polyest.rollouts.measures.tables import Parted, PartsTable, columns_of, parts_table
from polyest.rollouts.measures.whole import Each, Records, measure
from polyest.rollouts.statistics import UNITS

__all__ = [
    "ABOUT",
    "UNITS",
    "Difference",
    "Each",
    "Gathering",
    "GatheringOnDisk",
    "MeanOfGroups",
    "Means",
    "Measured",
    "Parted",
    "PartsTable",
    "Records",
    "about",
    "columns_of",
    "differences",
    "group_measures",
    "measure",
    "parts_table",
]

ABOUT = {
    "value_": "Σ p·r(p) over the answers, the mean reward that METHOD pays, completions without an answer included",
    "entropy_aqp": "the entropy of the prompt's answers, with the least bias at 1.5 times the noise of the frequency",
    "entropy_harmonic": "the entropy of the prompt's answers, with about half of plug_in's bias at its noise",
    "entropy_plug_in": "the entropy of the prompt's answers by their frequencies, too small for small groups",
    "effective_answers": "exp(entropy_aqp): so many equally likely answers have this entropy",
    "distinct": "how many different answers so many completions show, fewer than there are",
    "singletons": "the probability that one more answer would be a new one (Good and Turing)",
    "agreement": "the most frequent answer's share of a group, on average above the likeliest answer's probability",
    "collision": "Σ p², the probability that two answers agree, without bias; the greatest has collapse rank 1",
    "no_answer": "the probability that a completion has no answer",
    "correct": "the success rate",
    "pass@": "the probability that one of k completions is correct, without bias",
    "majority@": "the probability that more than half of k completions are correct (k is odd: no ties), without bias",
    "vote@": "the probability that the most frequent of k answers is correct, ties shared evenly, without bias",
    "best_of(": "the expected best score of n completions, without bias",
    "correct_entropy": "the entropy of the answers of correct completions, by aqp, whose bias is the larger the fewer "
    "they are: where all of them agree (correct_distinct 1) the entropy is 0, and what is seen is that bias",
    "correct_distinct": "how many different answers the correct completions show, fewer than there are",
    "drift": "Σ (p − p')² over the answers, p' what p was a step before, without bias; may be negative",
}


def about(name: str) -> str:
    """What a measure estimates, in one sentence.

    >>> about("pass@8") == about("pass@64")
    True
    """
    kind = re.sub(r"(?<=[@(])\d+\)?$", "", name)
    return ABOUT["value_"].replace("METHOD", name[6:]) if name.startswith("value_") else ABOUT[kind]
