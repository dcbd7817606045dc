"""Is the optimum one that a user may rely on? A status, a sentence and a remedy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.linear import LinearView
from isoloss.fitting.search import Form, Found
from isoloss.laws import Parameter

Array = NDArray[np.float64]
NORMAL_90 = 1.645
WIDEST_EXPONENT = 1.0  # an exponent known to no better than +- 1 is not known
WIDEST_LOG = 25.0  # a scale's logarithm follows its exponent times log N, about 20


def judge(posed: Form, found: Found, view: LinearView, noise: float) -> tuple[str, str]:
    """The status of a fit and the sentence that explains it.

    Args:
        posed: the law as it was searched.
        found: the best fit.
        view: the linear view there.
        noise: width of the residuals in log loss.
    """
    unknown = _unknown(posed, view, noise)
    if unknown:
        return "not_identified", (
            f"the runs do not fix {_listed(unknown)}: its 90 % range is wider than any plausible "
            "one. Add runs that differ where it acts, fix or tie it, or choose a smaller law."
        )
    if not found.converged:
        return "failed", (
            f"none of {found.n_starts} starts reached an optimum (gradient norm "
            f"{found.gradient_norm:.1e}). Choose a law with fewer parameters, or give bounds."
        )
    edges = _edges(posed, found, view)
    if edges:
        return "edge", (
            f"{_listed(edges)}: the runs would take it further, so intervals stop there. "
            "Fix it, widen --bounds, or choose a law without it."
        )
    return "ok", f"{found.agreement:.0%} of {found.n_starts} starts agree on this optimum."


def _unknown(posed: Form, view: LinearView, noise: float) -> list[str]:
    where = posed.problem.coordinates
    found: list[str] = []
    for i, name in enumerate(where.names):
        half = NORMAL_90 * view.spread[i] * max(noise, 1e-6)
        # Only the law's own parameters have a plausible range; those it is searched in have not.
        too_wide = name in posed.law.names and half > _widest(posed, name)
        if too_wide or np.isinf(half):
            found.append(name)
    return found


def _widest(posed: Form, name: str) -> float:
    parameter = next(p for p in posed.problem.law.parameters if p.name == name)
    if parameter.positive:
        return WIDEST_LOG
    if parameter.unit == "loss":
        return float(np.exp(np.min(posed.problem.log_loss)))
    if parameter.start is not None:
        return max(WIDEST_EXPONENT, parameter.start[1] - parameter.start[0])
    return np.inf


def _edges(posed: Form, found: Found, view: LinearView) -> list[str]:
    where = posed.problem.coordinates
    edges: list[str] = []
    for i in np.flatnonzero(~view.free):
        name = where.names[i]
        parameter: Parameter = next(p for p in posed.problem.law.parameters if p.name == name)
        side = "lower" if found.phi[i] <= where.lower[i] else "upper"
        limit = np.exp(found.phi[i]) if parameter.positive else found.phi[i]
        edges.append(f"{name} ran to its {side} bound {limit:.6g}")
    return edges


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
