"""Where the checkout is, and the folder beside it that tests may read and must pass without."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
