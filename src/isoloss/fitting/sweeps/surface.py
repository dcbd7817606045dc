"""How does the loss of one cell depend on the learning rate and the batch? A quadratic in logs.

Near its minimum any smooth loss is a quadratic in (log lr, log batch). Runs farther from the best
count less, down to nothing: the true surface is steeper towards high learning rates, and far runs
would bend the quadratic. The excess of a run over the best of its cell decides, and all seeds of
one setting share it, so that a lucky seed does not choose itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from isoloss.fitting.sweeps.table import distinct, setting_numbers

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

HUBER = 2.0  # residuals beyond so many times the typical one count linearly
ROUNDS = 12  # of reweighting
SPARE = 2  # settings beyond the number of coefficients that a cell keeps at least
CONVEX = 1e-9  # least curvature, in log loss per squared log, that is not flat


@dataclass(frozen=True)
class Quadratic:
    """A quadratic surface of log loss, about its ``centre``.

    Attributes:
        centre: (k,) logs of the settings that the coefficients are taken about.
        coefficients: squares and products, then slopes, then the level; see ``features``.
        covariance: of the coefficients, robust to unequal noise.
        spread: typical residual of a run that counts fully, in log loss.
        n_runs: runs that count.
        n_settings: distinct settings among them.
        freedom: degrees of freedom that are left.
    """

    centre: Array
    coefficients: Array
    covariance: Array
    spread: float
    n_runs: int
    n_settings: int
    freedom: int

    @property
    def hessian(self) -> Array:
        """Second derivatives of log loss (k, k)."""
        return hessian(self.coefficients, len(self.centre))

    @property
    def convex(self) -> bool:
        """Whether the surface has a minimum."""
        return bool(np.linalg.eigvalsh(self.hessian)[0] > CONVEX)

    @property
    def optimum(self) -> Array:
        """Logs of the settings where the surface is lowest (k,); NaN where it is not convex."""
        if not self.convex:
            return np.full(len(self.centre), np.nan)
        slope = self.coefficients[-1 - len(self.centre) : -1]
        return self.centre - np.linalg.solve(self.hessian, slope)

    def value(self, settings: Array) -> Array:
        """Log loss at settings (..., k), given as logs."""
        return features(settings - self.centre) @ self.coefficients

    def draws(self, count: int, rng: np.random.Generator) -> Array:
        """Coefficients (count, p) that runs like these could have given: a multivariate t."""
        root = _root(self.covariance)
        normal = rng.standard_normal((count, self.size))
        freedom = max(self.freedom, 1)
        radius = np.sqrt(freedom / rng.chisquare(freedom, size=(count, 1)))
        return self.coefficients + radius * normal @ root.T

    @property
    def size(self) -> int:
        """The number of coefficients."""
        return len(self.coefficients)


def _root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is the covariance."""
    size = np.diag(covariance)
    try:
        floor = 1e-14 * np.diag(size) + 1e-30 * np.eye(len(covariance))
        return np.asarray(np.linalg.cholesky(covariance + floor), dtype=np.float64)
    except np.linalg.LinAlgError:
        # Settings in a line leave a direction open, and rounding can make its variance negative.
        scale = np.sqrt(np.maximum(size, 1e-30))
        values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
        root = scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
        return np.asarray(root, dtype=np.float64)


def n_coefficients(axes: int) -> int:
    """Coefficients of a quadratic in so many settings."""
    return (axes + 1) * (axes + 2) // 2


def features(settings: Array) -> Array:
    """Columns of the quadratic (..., p): squares and products, then the settings, then one."""
    axes = settings.shape[-1]
    pairs = [(i, j) for i in range(axes) for j in range(i, axes)]
    products = [settings[..., i] * settings[..., j] for i, j in pairs]
    linear = [settings[..., i] for i in range(axes)]
    return np.stack([*products, *linear, np.ones(settings.shape[:-1])], axis=-1)


def hessian(coefficients: Array, axes: int) -> Array:
    """Second derivatives (..., k, k) from coefficients (..., p) that begin with the products."""
    found = np.empty((*coefficients.shape[:-1], axes, axes))
    at = 0
    for i in range(axes):
        for j in range(i, axes):
            value = coefficients[..., at]
            found[..., i, j] = found[..., j, i] = 2 * value if i == j else value
            at += 1
    return found


def optima(coefficients: Array, centre: Array) -> Array:
    """Logs of the best settings (R, k) of many surfaces; NaN where one is not convex."""
    axes = len(centre)
    bend = hessian(coefficients, axes)
    slope = coefficients[:, -1 - axes : -1]
    convex = np.linalg.eigvalsh(bend)[:, 0] > CONVEX
    found = np.full((len(coefficients), axes), np.nan)
    found[convex] = centre - np.linalg.solve(bend[convex], slope[convex][:, :, None])[:, :, 0]
    return found


def excess(settings: Array, loss: Array) -> Array:
    """Log loss above the best setting of the cell (n,); infinite for runs that diverged.

    Seeds of one setting share their mean.
    """
    alive = np.isfinite(loss)
    number = setting_numbers(settings)
    log_loss = np.log(np.where(alive, loss, 1.0))
    times = np.bincount(number, alive)
    mean = np.bincount(number, alive * log_loss) / np.maximum(times, 1)
    lowest = mean[times > 0].min(initial=np.inf)
    return np.where(alive, mean[number] - lowest, np.inf)


def weights(settings: Array, loss: Array, within: float | None) -> Array:
    """How much each run counts, 1 at the best setting, 0 from ``within`` above it (Tukey).

    A cell keeps enough settings to fix its surface, even if they lie farther off. With None all
    runs that did not diverge count alike.
    """
    over = excess(settings, loss)
    alive = np.isfinite(loss)
    if within is None:
        return alive.astype(np.float64)
    needed = n_coefficients(settings.shape[1]) + SPARE
    limit = max(np.log1p(within), _reach(settings, over, needed))
    return np.where(alive & (over < limit), (1 - (np.minimum(over, limit) / limit) ** 2) ** 2, 0.0)


def _reach(settings: Array, over: Array, needed: int) -> float:
    """The excess just beyond the ``needed`` best settings; 0 where there are not as many."""
    number = setting_numbers(settings)
    each = np.full(int(number.max()) + 1, np.inf)
    np.minimum.at(each, number, over)
    ordered = np.sort(each[np.isfinite(each)])
    if not len(ordered):
        return 0.0
    # The last setting that is needed keeps a small weight, so the limit lies beyond it.
    return 1.25 * float(ordered[min(needed, len(ordered)) - 1]) + 1e-12


def robust(design: Array, log_loss: Array, weight: Array) -> tuple[Array, Array]:
    """Weighted least squares, residuals beyond ``HUBER`` typical ones counting linearly.

    Returns:
        the coefficients, and the weights with which they are plain least squares.
    """
    kept = weight
    coefficients = _solve(design, log_loss, kept)
    if np.sum(weight > 0) < design.shape[1] + SPARE:
        return coefficients, kept
    for _ in range(ROUNDS):
        scaled = np.abs(log_loss - design @ coefficients) * np.sqrt(weight)
        typical = 1.4826 * np.median(scaled[weight > 0])
        if typical < 1e-12:
            break
        kept = weight * np.minimum(1.0, HUBER * typical / np.maximum(scaled, 1e-300))
        coefficients = _solve(design, log_loss, kept)
    return coefficients, kept


def fit_quadratic(settings: Array, loss: Array, weight: Array, *, squared: bool) -> Quadratic:
    """The surface of one cell.

    Args:
        settings: logs (n, k) of the settings.
        loss: of the runs; those of weight 0 are not looked at.
        weight: see ``weights``.
        squared: plain least squares instead of the robust one.
    """
    kept = weight > 0
    centre = settings[kept].mean(axis=0)
    design = features(settings[kept] - centre)
    log_loss, weight = np.log(loss[kept]), weight[kept]
    if squared:
        coefficients = _solve(design, log_loss, weight)
    else:
        coefficients, weight = robust(design, log_loss, weight)
    residual = log_loss - design @ coefficients
    count = int(setting_numbers(settings[kept]).max()) + 1
    freedom = max(len(residual) - design.shape[1], 0)
    spread = float(np.sqrt(weight @ residual**2 / max(freedom, 1) * len(residual) / weight.sum()))
    return Quadratic(
        centre=centre,
        coefficients=coefficients,
        covariance=_sandwich(design, residual, weight, freedom),
        spread=spread,
        n_runs=len(residual),
        n_settings=count,
        freedom=freedom,
    )


def carries_surface(settings: Array, weight: Array) -> bool:
    """Whether the runs that count fix a quadratic: enough settings, three of each kind."""
    kept = settings[weight > 0]
    axes = settings.shape[1]
    if len(kept) < n_coefficients(axes) + 1:
        return False
    if any(distinct(np.exp(kept[:, i])) < 3 for i in range(axes)):
        return False
    centred = kept - kept.mean(axis=0)
    design = features(centred / np.maximum(np.abs(centred).max(axis=0), 1e-12))
    return int(np.linalg.matrix_rank(design, tol=1e-6)) == design.shape[1]


def _solve(design: Array, target: Array, weight: Array) -> Array:
    root = np.sqrt(weight)
    return cast("Array", np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0])


def _sandwich(design: Array, residual: Array, weight: Array, freedom: int) -> Array:
    """Covariance that does not assume equal noise: leave-one-out residuals (HC3)."""
    gram = cast("Array", np.linalg.pinv((design.T * weight) @ design, hermitian=True))
    if freedom == 0:
        return np.full_like(gram, np.nan)
    leverage = np.einsum("ni,ij,nj->n", design, gram, design) * weight
    outside = residual / np.maximum(1 - leverage, 0.1)
    meat = (design.T * (weight * outside) ** 2) @ design
    return gram @ meat @ gram
