"""Lifetime compute of Sardana et al. 2024: what of their headline numbers comes out again."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as iso
from isoloss.laws import get_law, get_published
from isoloss.laws.compute import FlopRule
from isoloss.laws.optimum import Surface
from isoloss.planning.serving.lifetime import EqualLoss, least_cost
from tests.reproductions.pages import check

PAGE = "sardana.md"
# The exponents that stand in the authors' code; in no table of Hoffmann et al.
CODE = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.336, "beta": 0.283}
SETS = {
    "alpha .336, beta .283": CODE,
    "`hoffmann`": get_published("chinchilla", "hoffmann").values,
    "`printed`": get_published("chinchilla", "printed").values,
    "`epoch`": get_published("chinchilla", "epoch").values,
}
# Defaults of the authors' code: 70 tokens read at 50 % utilisation and 215 written at 1 %, on
# devices that do twice the FLOP of training in eight bits; training at 50 %.
PER_REQUEST = (70 / 0.5 + 215 / 0.01) * 0.5 / 2 / 3


def optimal_of_size(values, params):
    """The runs as good as a compute-optimal one of this size."""
    law = get_law("chinchilla")
    theta = np.array([[values[name]] for name in law.names])
    _, a, b, alpha, beta = theta
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    flop = 6 * (params / g) ** ((alpha + beta) / beta)
    n = np.array([params])
    return EqualLoss(Surface(law, FlopRule()), theta, n, flop / (6 * n))


def lifetime(values, params, served):
    """N, D, D over that of the compute-optimal run, and the share of the lifetime saved."""
    curve = optimal_of_size(values, params)
    n, d = least_cost(curve, served)
    saved = 1 - curve.cost(n, d, served) / curve.cost(curve.params, curve.tokens, served)
    return float(n[0]), float(d[0]), float(d[0] / curve.tokens[0]), float(saved[0])


@pytest.mark.dataset(name="simulated")
def test_quality_of_7b_with_1e11_tokens_served():
    rows = []
    for name, values in SETS.items():
        n, _, more, _ = lifetime(values, 7e9, 1e11 / 3)
        rows.append([name, n, more])
    assert rows[0][1] == pytest.approx(6.00e9, abs=0.005e9)  # published: 6B
    assert rows[0][2] == pytest.approx(1.18, abs=0.005)  # published: 1.18
    check(PAGE, "A model as good as 7B, 1e11 tokens served", rows)


@pytest.mark.dataset(name="simulated")
def test_quality_of_13b_with_2t_tokens_served():
    rows = []
    for name, values in SETS.items():
        served = 2e12 / 3
        curve = optimal_of_size(values, 13e9)
        n, d, _, saved = lifetime(values, 13e9, served)
        least = curve.cost(np.array([n]), np.array([d]), served)
        gain = float((curve.cost(curve.params, curve.tokens, served) - least)[0])
        rows.append([name, n, d, gain, saved])
    assert rows[0][1] == pytest.approx(7e9, rel=0.01)  # published: 7B
    assert rows[0][3] == pytest.approx(1.7e22, abs=0.05e22)  # published: 1.7e22
    assert rows[0][4] == pytest.approx(0.17, abs=0.005)  # published: 17 %
    check(PAGE, "A model as good as 13B, 2T tokens served", rows)


@pytest.mark.dataset(name="simulated")
def test_quality_of_30b_with_requests_is_not_reproduced():
    rows = []
    for name, values in SETS.items():
        n, d, _, saved = lifetime(values, 30e9, 1.5e9 * PER_REQUEST)
        rows.append([name, n, d, saved])
    assert abs(rows[0][1] / 16e9 - 1) > 0.05  # published: 16B, 3.35T, 17 %
    assert abs(rows[0][3] - 0.17) > 0.05
    # 16B does lie near the curve of equal loss that they name.
    curve = optimal_of_size(CODE, 30e9)
    on_it = float(curve.tokens_at(np.array([16e9]))[0])
    assert on_it == pytest.approx(3.39e12, abs=0.01e12)
    check(PAGE, "A model as good as 30B, 1.5 billion requests", rows)


@pytest.mark.dataset(name="chinchilla_epoch")
def test_own_runs_at_1e24(published_data):
    runs = iso.read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    fit = iso.fit(runs, draws=1000)
    made = iso.serve(fit, 1e24, served=["2T", "10T"])
    rows = []
    for name, row in zip(("2T", "10T"), made.rows, strict=True):
        numbers = (row.n_params, row.tokens, row.saving)
        rows.append([name, *(v for q in numbers for v in (q.estimate, q.lo, q.hi))])
    assert made.optimum["n_params"].estimate == pytest.approx(97.2e9, rel=1e-3)
    check(PAGE, "240 runs of Hoffmann et al., loss of 1e24 FLOP", rows)
