"""Trust, caution or refuse: the rules, in one place, with reasons in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Quantity
from isoloss.validation.score import Score

Array = NDArray[np.float64]

TRUST, CAUTION, REFUSE = "trust", "caution", "refuse"

MAX_BIAS = 0.01  # mean relative error of held-out losses
MAX_ERROR = 0.02
REFUSED_ERROR = 0.10
LEVEL = 0.9
MIN_COVERAGE = 0.75  # of nominal 90 % intervals, over the cuts
MAX_DRIFT = 2.0  # factor by which the answer moved over the cuts
MIN_SHARE = 1 / 3  # a fit to fewer of the runs says little about the answer
FAR = 2.0  # decades beyond the runs


@dataclass(frozen=True)
class Finding:
    """One reason.

    Attributes:
        severity: ``caution`` or ``refuse``.
        code: a stable word.
        message: the reason in a sentence.
    """

    severity: str
    code: str
    message: str


def judge_scores(law: str, scores: Sequence[Score]) -> list[Finding]:
    """What the held-out runs say against a law."""
    used = [s for s in scores if s.error.size]
    if not used:
        message = f"{law} could not be fitted below any cut."
        return [Finding(REFUSE, "no_scores", message)]
    found: list[Finding] = []
    late = used[len(used) // 2 :]
    errors = np.concatenate([s.error for s in late])
    size, bias = float(np.mean(np.abs(errors))), float(np.mean(errors))
    if size > REFUSED_ERROR:
        message = f"{law} misses held-out losses by {size:.1%} on average."
        found.append(Finding(REFUSE, "large_error", message))
    elif size > MAX_ERROR:
        message = f"{law} misses held-out losses by {size:.1%} on average (limit {MAX_ERROR:.0%})."
        found.append(Finding(CAUTION, "error", message))
    if abs(bias) > MAX_BIAS:
        side = "higher" if bias > 0 else "lower"
        message = f"{law} predicts losses {abs(bias):.1%} {side} than the larger runs reached."
        found.append(Finding(CAUTION, "bias", message))
    hits = np.concatenate([s.inside[LEVEL] for s in used])
    if np.mean(hits) < MIN_COVERAGE:
        message = (
            f"nominal {LEVEL:.0%} intervals of {law} held {np.mean(hits):.0%} of the held-out runs."
        )
        found.append(Finding(CAUTION, "coverage", message))
    return found


def judge_drift(law: str, answers: Sequence[Quantity | None], shares: Array) -> list[Finding]:
    """What the movement of the answer says: N* at the target, as larger runs were added.

    Args:
        law: its name.
        answers: N* per cut and last of all runs; None where there was no answer.
        shares: share of all runs in each of those fits; those below ``MIN_SHARE`` do not count.
    """
    if answers and answers[-1] is None:
        message = f"{law} has no optimum at the target with all runs."
        return [Finding(REFUSE, "no_answer", message)]
    pairs = zip(answers, shares, strict=True)
    counted = [q for q, share in pairs if q is not None and share >= MIN_SHARE]
    if len(counted) < 3:
        message = f"too few cuts give an answer at the target to see whether that of {law} drifts."
        return [Finding(CAUTION, "drift_unknown", message)]
    found: list[Finding] = []
    sizes = np.array([q.estimate for q in counted])
    moved = float(sizes.max() / sizes.min())
    if moved > MAX_DRIFT:
        message = f"the optimum of {law} moved {moved:.1f}x as the larger runs were added."
        found.append(Finding(CAUTION, "drift", message))
    missed = sum(not q.lo <= sizes[-1] <= q.hi for q in counted[:-1])
    if missed > 0.5 * (len(counted) - 1):
        message = (
            f"{missed} of {len(counted) - 1} earlier intervals for N* of {law} missed the N* of "
            "all runs."
        )
        found.append(Finding(CAUTION, "drift_beyond_interval", message))
    return found


def judge_distance(decades: float) -> list[Finding]:
    """What the distance of the target says."""
    if not decades > FAR:
        return []
    message = f"the target is {decades:.1f} decades of compute beyond the runs."
    return [Finding(CAUTION, "distance", message)]


def judge_status(law: str, status: str) -> list[Finding]:
    """What the status of the fit to all runs says."""
    if status in ("not_identified", "failed"):
        message = f"the fit of {law} to all runs is {status}."
        return [Finding(REFUSE, status, message)]
    if status == "edge":
        message = f"a parameter of {law} sits at its bound in the fit to all runs."
        return [Finding(CAUTION, status, message)]
    return []


def verdict(findings: Sequence[Finding]) -> str:
    """The gravest of the findings."""
    severities = {finding.severity for finding in findings}
    return REFUSE if REFUSE in severities else CAUTION if CAUTION in severities else TRUST
