"""What is run; imports nothing heavy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

__all__ = ["ARMS", "GROUP_SIZES", "SEEDS", "Run", "Settings", "all_runs"]

ARMS = {
    "trl_default": "plug_in, TRL's defaults",
    "plug_in": "plug_in, centred only",
    "harmonic": "harmonic",
    "aqp": "aqp",
    "aqp_exact": "aqp, exact advantages",
    "aqp_4_visits": "aqp, 4 visits",
    "harmonic_16_visits": "harmonic, 16 visits",
    "oracle": "oracle",
}
GROUP_SIZES = (4, 8, 16)
SEEDS = 5


@dataclass(frozen=True)
class Settings:
    """The same for every run of a benchmark."""

    steps: int = 1200
    learning_rate: float = 2e-3  # Adam's; falls linearly to 0
    evaluate_every: int = 40
    width: int = 48
    layers: int = 2


@dataclass(frozen=True)
class Run:
    """One training run: an arm, K and the seed of the weights and of everything sampled."""

    arm: str
    group_size: int
    seed: int
    settings: Settings = Settings()

    def path(self, folder: Path) -> Path:
        """Where its result is."""
        return folder / f"{self.arm}-k{self.group_size:02d}-seed{self.seed}.json"

    def description(self) -> dict[str, Any]:
        """What the result has to be of, as JSON holds it."""
        return asdict(self)


def all_runs(settings: Settings, group_sizes: tuple[int, ...] = GROUP_SIZES, seeds: int = SEEDS) -> list[Run]:
    """Every arm at every K with every seed, the longest runs first, a seed's arms together."""
    cells = product(sorted(group_sizes, reverse=True), range(seeds), ARMS)
    return [Run(arm, K, seed, settings) for K, seed, arm in cells]
