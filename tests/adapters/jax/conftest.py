"""Compiling takes most of the time of JAX's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def unoptimised() -> Iterator[None]:
    """From the first test that asks for it to the end of the file, XLA compiles in half the time what is less fast."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
