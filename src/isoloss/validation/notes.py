"""What was found out about the runs of a backtest? Kept with it, beside its verdict."""

from __future__ import annotations

from dataclasses import replace

from isoloss.fitting.findings import notices_about
from isoloss.runs import Runs
from isoloss.validation.result import Backtest
from isoloss.validation.verdict import NOTE, Finding


def with_notes(found: Backtest, table: Runs) -> Backtest:
    """The backtest with the findings about its runs among its notes."""
    about = (Finding(NOTE, notice.code, notice.message) for notice in notices_about(table))
    return replace(found, notes=(*found.notes, *about))
