"""Permissions of files that hold for root, too: the thread lays down what overrides them, and takes it up again."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VERSION = 0x20080522  # of the structures, and the numbers of the two capabilities: linux/capability.h
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2


@contextmanager
def binding() -> Iterator[None]:
    """Meanwhile this thread, and those that it starts, may read and write what the files' modes say."""
    if os.name == "nt" or (os.geteuid() == 0 and not sys.platform.startswith("linux")):
        pytest.skip("permissions that hold for nobody, or not for root")
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, before = (ctypes.c_uint32 * 2)(VERSION, 0), (ctypes.c_uint32 * 6)()  # the first: what is in effect
    assert libc.capget(header, before) == 0
    without = (ctypes.c_uint32 * 6)(*before)
    without[0] &= ~(1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH)
    assert libc.capset(header, without) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0
