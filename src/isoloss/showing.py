"""The one door to the right: results can be drawn and reported, by rooms that they do not know.

Imports only point back along the way that data walks, but ``fit.figure()`` should be sayable. The
rooms that draw and report are found by name when they are asked for; see
``docs/decisions/figures-on-results.md``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from isoloss.figures import Figure


class Shown:
    """A result that can be drawn and reported."""

    def figure(
        self, name: str | None = None, /, *beside: Any, target: float | None = None
    ) -> Figure:
        """A figure of this result; ``isoloss figure --list`` names them.

        Args:
            name: such as ``iso-loss``; by default the one that shows most of this result.
            beside: other results that the figure should show or needs: a plan, a fit, runs, ...
            target: compute (FLOP) that its axes reach.

        Raises:
            InputError: there is no such figure, or a result that it needs is missing.
            EvidenceError: the results cannot carry it.
        """
        return import_module("isoloss.figures").figure_of(self, name, *beside, target=target)

    def report(self, path: str | Path, *beside: Any) -> None:
        """Write a report: .html (one file that needs nothing else), .md or .tex.

        Args:
            path: the file to write.
            beside: other results to report with it: a fit, a plan, a backtest, runs, ...

        Raises:
            InputError: another ending, or the file cannot be written.
        """
        import_module("isoloss.report").write_report(path, self, *beside)
