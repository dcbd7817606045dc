"""Trust, caution or refuse: the rules, in one place, with reasons in words.

``docs/how-to/backtest.md`` says what each rule is for and what it finds on published runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting import Quantity
from isoloss.laws.compute import format_flop
from isoloss.validation.score import Score

Array = NDArray[np.float64]

TRUST, CAUTION, REFUSE, NOTE = "trust", "caution", "refuse", "note"

MAX_BIAS = 0.01  # mean relative error of held-out losses
MAX_ERROR = 0.02
REFUSED_ERROR = 0.10
LEVEL = 0.9
MIN_COVERAGE = 0.75  # of nominal 90 % intervals
MATTERS = 1e-3  # a smaller error of the loss is of no consequence, inside its interval or not
MAX_DRIFT = 2.0  # factor by which the answer moved over the cuts
SMALL_DRIFT = 1.2  # a smaller move is of no consequence, inside its interval or not
MIN_SHARE = 1 / 3  # a fit to fewer of the runs says little about the answer
MIN_ANSWERS = 3
WIDE = 10.0  # from the lower to the upper end of the interval for N*
FAR = 2.0  # decades beyond the runs
AS_GOOD = 1.25  # laws whose errors are within this factor of the best one's predict as well


@dataclass(frozen=True)
class Finding:
    """One reason.

    Attributes:
        severity: ``note`` (no part of the verdict), ``caution`` or ``refuse``.
        code: a stable word.
        message: the reason in a sentence.
    """

    severity: str
    code: str
    message: str


def judge_status(law: str, status: str, message: str = "") -> list[Finding]:
    """What the status of the fit to all runs says."""
    if status in ("not_identified", "failed"):
        sentence = f"the fit of {law} to all runs is {status}: {message}"
        return [Finding(REFUSE, status, sentence)]
    if status == "edge":
        sentence = f"in the fit of {law} to all runs a parameter is at its bound: {message}"
        return [Finding(CAUTION, status, sentence)]
    return []


def judge_scores(law: str, scores: Sequence[Score]) -> list[Finding]:
    """What the held-out runs say against a law.

    The later half of the cuts counts: those fits are most like the one that is used.
    """
    late = later_half(scores)
    if not late:
        message = f"{law} could not be fitted below any cut."
        return [Finding(REFUSE, "no_scores", message)]
    found: list[Finding] = []
    errors = np.concatenate([s.error for s in late])
    size, bias = float(np.mean(np.abs(errors))), float(np.mean(errors))
    if size > REFUSED_ERROR:
        message = (
            f"{law} misses held-out losses by {size:.1%} on average (limit {REFUSED_ERROR:.0%})."
        )
        found.append(Finding(REFUSE, "large_error", message))
    elif size > MAX_ERROR:
        message = f"{law} misses held-out losses by {size:.1%} on average (limit {MAX_ERROR:.0%})."
        found.append(Finding(CAUTION, "error", message))
    if abs(bias) > MAX_BIAS:
        side = "higher" if bias > 0 else "lower"
        message = f"{law} predicts losses {abs(bias):.1%} {side} than the larger runs reached."
        found.append(Finding(CAUTION, "bias", message))
    share = float(np.mean(np.concatenate([s.inside[LEVEL] for s in late])))
    if share < MIN_COVERAGE and size > MATTERS:
        message = (
            f"nominal {LEVEL:.0%} intervals of {law} held {share:.0%} of the runs above the later "
            "cuts."
        )
        found.append(Finding(CAUTION, "coverage", message))
    return found


def later_half(scores: Sequence[Score]) -> list[Score]:
    """Of the cuts below which there was a fit, the later half."""
    used = [s for s in scores if s.error.size]
    return used[len(used) // 2 :]


def judge_drift(law: str, answers: Sequence[Quantity | None], shares: Array) -> list[Finding]:
    """What the movement of the answer says: N* at the target, as larger runs were added.

    Args:
        law: its name.
        answers: N* per cut and last of all runs; None where there was no answer.
        shares: share of all runs in each of those fits; those below ``MIN_SHARE`` do not count.
    """
    last = answers[-1]
    if last is None:
        message = f"{law} has no compute-optimal size at the target with all runs."
        return [Finding(REFUSE, "no_answer", message)]
    found: list[Finding] = []
    if last.hi / last.lo > WIDE if last.lo > 0 else True:
        message = f"the interval for N* of {law} spans more than a factor of {WIDE:.0f}."
        found.append(Finding(CAUTION, "wide_answer", message))
    counted = counted_answers(answers, shares)
    if len(counted) < MIN_ANSWERS:
        message = f"too few cuts give an answer at the target to see whether that of {law} drifts."
        return [*found, Finding(CAUTION, "drift_unknown", message)]
    moved = drift_factor(counted)
    if moved > MAX_DRIFT:
        message = f"the optimum of {law} moved {moved:.1f}x as the larger runs were added."
        found.append(Finding(CAUTION, "drift", message))
    missed = sum(not q.lo <= last.estimate <= q.hi for q in counted[:-1])
    if missed > 0.5 * (len(counted) - 1) and moved > SMALL_DRIFT:
        message = (
            f"{missed} of {len(counted) - 1} earlier intervals for N* of {law} missed the N* of "
            "all runs."
        )
        found.append(Finding(CAUTION, "drift_beyond_interval", message))
    return found


def counted_answers(answers: Sequence[Quantity | None], shares: Array) -> list[Quantity]:
    """The answers of fits to enough of the runs, the last one of all runs."""
    pairs = zip(answers, shares, strict=True)
    return [q for q, share in pairs if q is not None and share >= MIN_SHARE]


def drift_factor(counted: Sequence[Quantity]) -> float:
    """The largest over the smallest of these answers."""
    sizes = [q.estimate for q in counted]
    return max(sizes) / min(sizes)


def judge_distance(target_flop: float, largest_flop: float) -> list[Finding]:
    """What the distance of the target says."""
    if not (target_flop > 0 and largest_flop > 0):
        return []
    decades = float(np.log10(target_flop / largest_flop))
    if decades > FAR:
        message = f"the target is {decades:.1f} decades of compute beyond the runs."
        return [Finding(CAUTION, "distance", message)]
    if decades <= 0:
        message = (
            f"the target of {format_flop(target_flop)} FLOP lies inside the runs, which reach "
            f"{format_flop(largest_flop)}: the drift says nothing about extrapolation."
        )
        return [Finding(NOTE, "target_inside", message)]
    return []


def judge_laws(
    best: str, errors: Mapping[str, float], answers: Mapping[str, Quantity]
) -> list[Finding]:
    """Whether laws that predict as well as the best give other answers.

    Args:
        best: the law with the smallest error.
        errors: mean absolute relative error per law, over the same held-out runs.
        answers: N* of all runs per law, where there is one.
    """
    if best not in answers:
        return []
    here = answers[best].estimate
    for name, error in errors.items():
        if name == best or name not in answers or error > AS_GOOD * errors[best]:
            continue
        there = answers[name].estimate
        apart = max(here, there) / min(here, there)
        if apart > MAX_DRIFT:
            message = f"{name} predicts the held-out runs about as well, and its N* is " + (
                f"{apart:.1f}x {'larger' if there > here else 'smaller'} than that of {best}."
            )
            return [Finding(CAUTION, "laws_disagree", message)]
    return []


def verdict(findings: Sequence[Finding]) -> str:
    """The gravest of the findings."""
    severities = {finding.severity for finding in findings}
    return REFUSE if REFUSE in severities else CAUTION if CAUTION in severities else TRUST


def praise(
    law: str, scores: Sequence[Score], answers: Sequence[Quantity | None], shares: Array
) -> list[str]:
    """Why a law is trusted, in sentences."""
    late = later_half(scores)
    errors = np.abs(np.concatenate([s.error for s in late]))
    found = [f"{law} predicts held-out losses to {float(np.mean(errors)):.2%} on average."]
    share = float(np.mean(np.concatenate([s.inside[LEVEL] for s in late])))
    found.append(f"nominal {LEVEL:.0%} intervals held {share:.0%} of the held-out runs.")
    counted = counted_answers(answers, shares)
    if len(counted) >= MIN_ANSWERS:
        moved = drift_factor(counted)
        found.append(f"its optimum at the target moved {moved:.2f}x as larger runs were added.")
    return found
