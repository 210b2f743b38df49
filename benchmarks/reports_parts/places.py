"""Where things are."""

from pathlib import Path

__all__ = ["EXAMPLES", "PICTURES", "ROOT", "TASK"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PICTURES = ROOT / "docs" / "guides" / "reports"
TASK = Path(__file__).parent / "lm_eval"
