"""SkyRL's functions; 0.3.0 defines a class that pydantic refuses on Python 3.11, unless TypedDict is that of 3.12."""

from __future__ import annotations

import typing
import warnings

import pytest
import typing_extensions

__all__ = ["config", "skyrl"]

with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
    warnings.simplefilter("ignore")
    patch.setattr(typing, "TypedDict", typing_extensions.TypedDict)
    skyrl = pytest.importorskip("skyrl.backends.skyrl_train.utils.ppo_utils")
    config = pytest.importorskip("skyrl.train.config")
