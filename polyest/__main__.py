"""`python -m polyest` is the command `polyest`."""

from __future__ import annotations

import sys

from polyest.command import main

if __name__ == "__main__":
    sys.exit(main())
