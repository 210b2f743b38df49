"""Graded rewards by definition, in rational arithmetic: subsets and integrals over thresholds; nothing of `polyest`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise, product
from math import comb, prod

from gmpy2 import mpq as Fraction

Numbers = Sequence[Fraction]
Score = Callable[[list[Fraction]], Sequence]


def coefficients(weights: Numbers, K: int) -> list[Fraction]:
    """c_m = n·E[w_{n−H}], H of the n−1 drawn from the K−1 others being among the m that are above."""
    n, others = len(weights), range(K - 1)
    return [
        n
        * sum((weights[n - 1 - sum(j < m for j in drawn)] for drawn in combinations(others, n - 1)), Fraction(0))
        / comb(K - 1, n - 1)
        for m in range(K)
    ]


def value(rewards: Numbers, weights: Numbers) -> Fraction:
    """The mean over all subsets of n rewards of Σ_j w_j R_(j)."""
    subsets = list(combinations(rewards, len(weights)))
    return sum((w * r for s in subsets for w, r in zip(weights, sorted(s), strict=True)), Fraction(0)) / len(subsets)


def integral(rewards: Numbers, i: int, f: Callable[[int, bool], Fraction]) -> Fraction:
    """∫ f(others above t, R_i > t) dt from the least to the greatest of the rewards."""
    levels = sorted({*rewards})
    others = [*rewards[:i], *rewards[i + 1 :]]
    return sum(
        (Fraction(high - low) * f(sum(r > low for r in others), rewards[i] > low) for low, high in pairwise(levels)),
        Fraction(0),
    )


def paid(rewards: Numbers, c: Numbers) -> list[Fraction]:
    """∫_0^{R_i} c[m_i(t)] dt."""
    zero, result = Fraction(0), []
    for i, r in enumerate(rewards):
        levels = sorted({zero, r, *(x for x in rewards if min(zero, r) < x < max(zero, r))})
        others = [*rewards[:i], *rewards[i + 1 :]]
        pieces = [(high - low) * c[sum(x > low for x in others)] for low, high in pairwise(levels)]
        result.append(sum(pieces, zero) * (1 if r > 0 else -1))
    return result


def marginal(rewards: Numbers, c: Numbers) -> list[Fraction]:
    """∫ from the group's least reward to R_i of c[m_i(t)] dt."""
    return [integral(rewards, i, lambda m, hit: c[m] * hit) for i in range(len(rewards))]


def advantages(rewards: Numbers, c: Numbers) -> list[Fraction]:
    """∫ c[m_i(t)]·(1{R_i > t} − m_i(t)/(K−1)) dt."""
    last = len(rewards) - 1
    return [integral(rewards, i, lambda m, hit: c[m] * (hit - Fraction(m, last))) for i in range(len(rewards))]


def objective(law: Sequence[tuple[Fraction, Fraction]], weights: Numbers) -> Fraction:
    """E[Σ_j w_j R_(j:n)], of n draws from (reward, probability) pairs."""
    total = Fraction(0)
    for draws in product(law, repeat=len(weights)):
        ranked = sorted(r for r, _ in draws)
        total += prod((p for _, p in draws), start=Fraction(1)) * sum(
            w * r for w, r in zip(weights, ranked, strict=True)
        )
    return total


def gradient(law: Sequence[tuple[Fraction, Fraction]], direction: Numbers, weights: Numbers) -> Fraction:
    """The derivative of `objective` as the probabilities move in `direction`."""
    total = Fraction(0)
    for draws in product(range(len(law)), repeat=len(weights)):
        ranked = sorted(law[z][0] for z in draws)
        score = sum(direction[z] / law[z][1] for z in draws)
        total += (
            prod((law[z][1] for z in draws), start=Fraction(1))
            * score
            * sum(w * r for w, r in zip(weights, ranked, strict=True))
        )
    return total


def expected_update(law: Sequence[tuple[Fraction, Fraction]], direction: Numbers, K: int, score: Score) -> Fraction:
    """E[(1/K) Σ_i A_i dπ(z_i)/π(z_i)] over all groups of K."""
    return update_of_all(law, direction, K, lambda groups: [score(group) for group in groups])


def update_of_all(
    law: Sequence[tuple[Fraction, Fraction]],
    direction: Numbers,
    K: int,
    scores: Callable[[list[list[Fraction]]], Sequence[Sequence]],
) -> Fraction:
    """`expected_update` of scores that are given for all groups at once."""
    total, ratios = Fraction(0), [Fraction(d) / p for d, (_, p) in zip(direction, law, strict=True)]
    groups = list(product(range(len(law)), repeat=K))
    for group, found in zip(groups, scores([[law[z][0] for z in group] for group in groups]), strict=True):
        probability = prod((law[z][1] for z in group), start=Fraction(1)) / K
        total += probability * sum(Fraction(a) * ratios[z] for z, a in zip(group, found, strict=True))
    return total


def whatever_the_order(score: Score) -> Score:
    """A score that depends on the own reward and on which there are, worked out once for all orders of a group."""
    known: dict[tuple[Fraction, ...], dict[Fraction, Fraction]] = {}

    def scores(group: list[Fraction]) -> Sequence:
        ordered = tuple(sorted(group))
        if ordered not in known:
            known[ordered] = dict(zip(ordered, score(list(ordered)), strict=True))
        return [known[ordered][r] for r in group]

    return scores
