"""Look at it: local web pages over the results. The server computes nothing itself.

It hands requests to worker processes, and shows the documents that the command line prints.
Nothing is imported here, so that ``isoloss --help`` answers at once.
"""

from __future__ import annotations

__all__: list[str] = []
