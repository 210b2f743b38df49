"""Certificates: rigorous enclosures for the coefficients as stored. Imports python-flint, and no solver."""

from __future__ import annotations

from polyest.errors import MissingDependencyError

try:
    import flint as _flint  # noqa: F401
except ImportError:
    raise MissingDependencyError.for_extra("python-flint", "verify", "proving a certificate") from None

from polyest.certify.certificate import certificate, enclosures, verify
from polyest.certify.key import unproved

__all__ = ["certificate", "enclosures", "unproved", "verify"]
