"""Lets ``python -m isoloss`` answer like the command ``isoloss``."""

from __future__ import annotations

from isoloss.cli.app import main

if __name__ == "__main__":
    main()
