"""How fast the numpy/numba runtime is: against the floor, by group size, by batch, strings, ragged, start-up, peers.

    python -m benchmarks.runtime                     everything, some minutes
    python -m benchmarks.runtime floor ragged        some sections
    python -m benchmarks.runtime --plots results/    with plots (needs the plot extra)

Times are the least of a few runs, one thread unless said otherwise; `batches` and `peers` take the wall's time, `start`
a process's own, the others the thread's own. Ratios are of one run on one machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import polyest
from benchmarks import runtime_forms, runtime_peers, runtime_start, runtime_weights
from benchmarks.rollout_groups import DIRICHLET, KINDS, groups_of, nanoseconds, race
from polyest.online import backend

PUBLISHED = {8: (2.6, 1.5), 16: (2.2, 1.4), 32: (2.8, 1.3), 64: (5.2, 1.2), 128: (5.7, 1.3), 256: (5.1, 1.3)}
SLACK = 1.5  # what a simpler runtime may cost more than the table that the README had at commit 5246a54, `PUBLISHED`
SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
Curves = dict[str, list[tuple[float, float]]]


def floor(options: argparse.Namespace) -> None:
    """Rewards and advantages against copying the same bytes into a preallocated array."""
    print(f"\nns per completion, int64 ids to float64, out=, {options.completions:,} completions; behind ≤ bounds:")
    print(f"{SLACK} × the largest that the README published before the runtime was simplified (5246a54); * is above")
    for kind in KINDS:
        print(
            f"\n{kind}\n{'K':>5}{'copy':>8}{'rewards':>9}{'/ copy':>15}{'advantages':>12}{'/ rewards':>15}{'value':>8}"
        )
        for size, published in PUBLISHED.items():
            answers = groups_of(kind, options.completions, size)
            out, est = np.empty(answers.shape), polyest.load("log", size, "harmonic")
            calls = (
                partial(np.copyto, out.view(np.int64), answers),
                partial(est.rewards, answers, out=out),
                partial(est.advantages, answers, out=out),
                partial(est.value, answers),
            )
            copy, rewards, advantages, value = race(calls, answers.size, options.repeats)
            first, second = (
                beside(rewards / copy, SLACK * published[0]),
                beside(advantages / rewards, SLACK * published[1]),
            )
            print(f"{size:5}{copy:8.2f}{rewards:9.2f}{first:>15}{advantages:12.2f}{second:>15}{value:8.2f}")


def beside(ratio: float, bound: float) -> str:
    """A ratio and its bound, with a mark where it is above."""
    return f"{ratio:.2f} ≤ {bound:.2f}{'*' if ratio > bound else ' '}"


def sizes(options: argparse.Namespace) -> Curves:
    """Cost per completion over K."""
    print(f"\nns per completion of rewards over K, {options.completions // 10:,} completions")
    print(f"{'K':>6}" + "".join(f"{kind:>30}" for kind in KINDS))
    curves: Curves = {kind: [] for kind in KINDS}
    for size in SIZES:
        est = polyest.load("log", size, "harmonic")
        for kind in KINDS:
            answers = groups_of(kind, options.completions // 10, size)
            out = np.empty(answers.shape)
            (cost,) = race([partial(est.rewards, answers, out=out)], answers.size, options.repeats)
            curves[kind].append((size, cost))
        print(f"{size:6}" + "".join(f"{curve[-1][1]:30.2f}" for curve in curves.values()))
    return curves


def batches(options: argparse.Namespace) -> Curves:
    """Cost per completion over the number of completions, both engines, one and two threads, K = 16."""
    print(f"\nns per completion of rewards at K = 16 ({DIRICHLET})")
    ways = {"numpy": 1 << 62, "numba": 0, "numba, 2 threads": 0}
    print(f"{'completions':>12}" + "".join(f"{way:>18}" for way in ways))
    curves: Curves = {way: [] for way in ways}
    est, total, before = polyest.load("log", 16, "harmonic"), 1000, (backend.COLD_WORK, backend.WARM_WORK)
    while total <= options.largest:
        answers = groups_of(DIRICHLET, total, 16)
        out, line = np.empty(answers.shape), f"{total:12,}"
        for way, work in ways.items():
            if way == "numpy" and total > 10**6:
                line += f"{'':>18}"
                continue
            backend.COLD_WORK = backend.WARM_WORK = work
            threads = 2 if "threads" in way else 1
            cost = nanoseconds(partial(est.rewards, answers, out=out, threads=threads), answers.size, options.repeats)
            curves[way].append((total, cost))
            line += f"{cost:18.2f}"
        print(line)
        total *= 10
    backend.COLD_WORK, backend.WARM_WORK = before
    return curves


def plot(curves: Curves, label: str, path: Path) -> None:
    """One line per way; on logarithmic axes if costs span more than a decade."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator

    costs = [cost for points in curves.values() for _, cost in points]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel=label, ylabel="ns per completion")
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker=".", label=name)
    if max(costs) > 10 * min(costs):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:g}"))
    else:
        axes.set_ylim(0)
    axes.set_xscale("log")
    if label.endswith("K"):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(LogLocator(2, numticks=12))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:.0f}"))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    print(f"plot: {path}")


def main() -> None:
    sections: dict[str, Callable[[argparse.Namespace], Curves | None]] = {
        "floor": floor,
        "sizes": sizes,
        "batches": batches,
        "strings": lambda options: runtime_forms.hashable(options.completions, options.repeats),
        "ragged": lambda options: runtime_forms.ragged(options.completions, options.repeats),
        "weights": lambda options: runtime_weights.report(options.completions // 10, options.repeats, options.sizes),
        "start": lambda options: runtime_start.report(options.repeats),
        "peers": lambda options: runtime_peers.compare(options.groups, max(options.groups // 20, 100)),
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(sections)} (default: all)")
    parser.add_argument("--completions", type=int, default=10**7)
    parser.add_argument("--largest", type=int, default=10**7, help="largest batch; 10**8 needs 3 GB of memory")
    parser.add_argument("--groups", type=int, default=100_000, help="groups for the peers")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=runtime_weights.GROUP_SIZES, help="of `weights`")
    parser.add_argument("--plots", type=Path, metavar="DIR")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(sections):
        parser.error(f"unknown section {', '.join(sorted(unknown))}; there are {', '.join(sections)}")
    for name in options.sections or sections:
        curves = sections[name](options)
        if curves and options.plots:
            options.plots.mkdir(parents=True, exist_ok=True)
            plot(
                curves, {"sizes": "group size K", "batches": "completions"}[name], options.plots / f"runtime-{name}.png"
            )


if __name__ == "__main__":
    main()
