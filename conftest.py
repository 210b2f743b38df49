"""What pytest leaves out of the doctests: adapters whose framework is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ADAPTERS = Path(__file__).parent / "polyest" / "adapters"

collect_ignore = [str(ADAPTERS / name) for name in ("torch", "jax", "trl", "verl") if find_spec(name) is None]
OF_ONE_FILE = {"tinker": "tinker_cookbook", "skyrl": "skyrl", "ms_swift": "swift", "tunix": "tunix"}
collect_ignore += [str(ADAPTERS / f"{name}.py") for name, package in OF_ONE_FILE.items() if find_spec(package) is None]
