"""What was found out about the runs of a fit? Kept with its result, so that nobody misses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from isoloss.fitting.quantity import Notice
from isoloss.fitting.result import Fit
from isoloss.runs import Runs


def with_findings(found: Fit, table: Runs, reading: Sequence[str] = ()) -> Fit:
    """The fit with what is known of its runs, so that it stays with it.

    Args:
        found: the fit.
        table: its runs; what was found out about them joins the warnings.
        reading: how they were read, as words of a command.
    """
    warnings = (*found.warnings, *notices_about(table))
    return replace(found, warnings=warnings, reading=tuple(reading))


def notices_about(table: Runs) -> list[Notice]:
    """What must be known of the runs; excluded runs are counted in one notice, by reason."""
    reasons = {
        str(run_id): str(reason).partition(":")[0]
        for run_id, status, reason in table.frame.select("run_id", "status", "reason").iter_rows()
        if status != "ok"
    }
    notices = [
        Notice(problem.code, problem.message)
        for problem in table.problems
        if problem.severity != "info" and not _is_about(problem.run_ids, reasons)
    ]
    if reasons:
        counts = Counter(reasons.values()).most_common()
        listed = ", ".join(f"{reason} ({count})" for reason, count in counts)
        message = f"{len(reasons)} of {len(table)} runs are excluded: {listed}."
        notices.append(Notice("excluded_runs", message))
    return notices


def _is_about(run_ids: Sequence[str], excluded: Mapping[str, str]) -> bool:
    return bool(run_ids) and all(run_id in excluded for run_id in run_ids)
