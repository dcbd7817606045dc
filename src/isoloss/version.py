"""Which version of isoloss this is; the build and every result read it here."""

from __future__ import annotations

__version__ = "0.1.0"
