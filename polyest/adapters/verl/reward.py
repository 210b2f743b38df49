"""The reward function for verl whose score carries the answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from polyest.adapters.code import code, identity, read_reward
from polyest.adapters.extraction import Extractor
from polyest.adapters.verl.pred import pred
from polyest.errors import ArgumentError

__all__ = ["reward_function"]


def reward_function(
    extract: Callable[[str], Hashable] | str,
    correctness: Callable[..., object],
    *,
    time_limit: float | None = 5.0,
) -> Callable[..., dict[str, object]]:
    """A ``compute_score`` for verl, whose score carries R and the identity of the answer (see the module).

    Args:
        extract: from a completion's text to its answer: a string, number, bytes, or a tuple or frozenset of these; None
            for no answer. Or ``"boxed"``, ``"hash4"``, ``"last-number"``, as in `polyest score`, or
            ``"math-verify"``: the value that math-verify parses, in a canonical form.
        correctness: a reward function as verl has them, called with ``data_source``, ``solution_str``,
            ``ground_truth`` and ``extra_info``; returns R, or a dictionary with R as its ``"score"``.
        time_limit: seconds for the extraction of one answer, after which there is none, with a warning; None for no
            limit.

    Returns:
        ``compute_score(data_source, solution_str, ground_truth, extra_info=None)``, which returns a dictionary:
        ``score``, ``acc`` = R, ``pred``, and what else `correctness` returned. ``pred`` is the answer: a string as it
        is, anything else as ``json:`` and its JSON (`polyest.rollouts.typed`), None (null in dumps) for no answer.

    Raises:
        ArgumentError: an argument is outside its domain; when called: R is no multiple of 1/8 within ±1.875, or the
            extractor raises or returns no such answer.

    >>> compute_score = reward_function(str.strip, lambda ground_truth, solution_str, **_: ground_truth in solution_str)
    >>> {key: value for key, value in compute_score("task", " 42 ", "42").items() if key != "score"}
    {'acc': 1.0, 'pred': '42'}
    """
    if not callable(correctness):
        raise ArgumentError(
            f"`correctness` must be a reward function as verl has them, got {correctness!r}; "
            "verl's own is verl.utils.reward_score.default_compute_score"
        )
    return _Score(Extractor(extract, time_limit, _carried), correctness)


@dataclass(frozen=True)
class _Score:
    """What `reward_function` returns: no closure, as verl's remote reward manager pickles it."""

    extractor: Extractor
    correctness: Callable[..., object]

    def __call__(
        self, data_source: object, solution_str: str, ground_truth: object, extra_info: object = None, **others: object
    ) -> dict[str, object]:
        given = {"data_source": data_source, "solution_str": solution_str, "ground_truth": ground_truth}
        result = self.correctness(**given, extra_info=extra_info, **others)
        extra = dict(result) if isinstance(result, dict) else {"score": result}
        reward, (carried, written) = read_reward(extra.pop("score", None)), self.extractor(solution_str)
        return {"acc": reward, "pred": written} | extra | {"score": code(reward, carried)}


def _carried(answer: Hashable) -> tuple[int, str | None]:
    """What the score carries of an answer, and what dumps show."""
    return identity(answer), pred(answer)
