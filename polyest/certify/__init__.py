"""Certificates: rigorous enclosures for the coefficients as stored. Imports python-flint, and no solver.

| what is proved | files |
| --- | --- |
| all claims of a file | `certificate`; `growth` for targets of one's own, `graded` for graded rewards |
| its key | `key` |
| bias and noise: sup f over (0, 1] | `functions`, `supremum`, `peaks`; `fixed_point`, `local`: what f is on `cells` |
| what no table can beat | `optimality`, from the Bayes table of `bayes`; `least_bias` is E*_K |
| what is proved once only | `memory` |
"""

from __future__ import annotations

from polyest.errors import MissingDependencyError

try:
    import flint as _flint  # noqa: F401
except ImportError:
    raise MissingDependencyError.for_extra("python-flint", "verify", "proving a certificate") from None

from polyest.certify.certificate import broken_promises, certificate, enclosures, verify
from polyest.certify.key import unproved

__all__ = ["broken_promises", "certificate", "enclosures", "unproved", "verify"]
