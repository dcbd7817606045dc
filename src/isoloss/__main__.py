"""Lets ``python -m isoloss`` answer like the command ``isoloss``."""

from __future__ import annotations

import sys

from isoloss.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
