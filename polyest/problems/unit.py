"""The unit of κ where it is a definition: E*_K of `log` in large groups (theory.md §3)."""

from __future__ import annotations

__all__ = ["ASYMPTOTE", "LARGEST_EXACT", "is_defined"]

ASYMPTOTE = ("0.32508927345417506", "-0.0787988")  # (first + second/K²)/K²
LARGEST_EXACT = 256


def is_defined(target: str, group_size: int) -> bool:
    """Whether the unit of κ is the asymptote by definition, instead of E*_K itself.

    >>> is_defined("log", 256), is_defined("log", 257)
    (False, True)
    """
    return target == "log" and group_size > LARGEST_EXACT
