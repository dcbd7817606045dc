"""Results that figures are made from, and a figure with a layer of every kind."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from isoloss.figures import (
    Axis,
    Band,
    Beyond,
    Contour,
    Figure,
    Heat,
    Line,
    Mark,
    Panel,
    Points,
    Scale,
    Text,
)
from isoloss.figures.parts import array
from isoloss.fitting import Fit, fit
from isoloss.fitting.sweeps import SweepFit, fit_sweep
from isoloss.laws import get_law, get_published
from isoloss.planning import Plan, plan
from isoloss.runs import Runs, read
from isoloss.validation import Backtest, Sensitivity, backtest, sensitivity

BUDGETS = (1e18, 3e18, 1e19, 3e19, 1e20, 3e20)
TARGET = 1e22


def sweep(noise: float = 0.003, sizes: int = 7, names: tuple[str, ...] = ()) -> Runs:
    """Runs by a published law, with noise, at six budgets."""
    rng = np.random.default_rng(1)
    flop = np.repeat(BUDGETS, sizes)
    params = np.sqrt(flop / 120) * np.tile(np.geomspace(0.25, 4, sizes), len(BUDGETS))
    tokens = flop / (6 * params)
    theta = get_published("chinchilla", "epoch").values
    loss = get_law("chinchilla").value(theta, {"N": params, "D": tokens})
    loss = loss * np.exp(rng.normal(0, noise, len(flop)))
    table = {"n_total": params, "tokens": tokens, "flop": flop, "loss": loss}
    if names:
        table["name"] = np.array([names[i % len(names)] + str(i) for i in range(len(flop))])
    return read(table)


@pytest.fixture(scope="session")
def runs() -> Runs:
    return sweep()


@pytest.fixture(scope="session")
def found(runs: Runs) -> Fit:
    return fit(runs, draws=100)


@pytest.fixture(scope="session")
def answer(found: Fit) -> Plan:
    return plan(found, TARGET)


@pytest.fixture(scope="session")
def tested(runs: Runs) -> Backtest:
    return backtest(runs, "chinchilla", target=TARGET, draws=30)


@pytest.fixture(scope="session")
def grid() -> Runs:
    """Every size at every budget, without noise, as approach 1 needs."""
    n, flop = (a.ravel() for a in np.meshgrid(np.geomspace(5e7, 1.5e9, 6), BUDGETS))
    theta = get_published("chinchilla", "epoch").values
    loss = get_law("chinchilla").value(theta, {"N": n, "D": flop / (6 * n)})
    return read({"n_total": n, "tokens": flop / (6 * n), "flop": flop, "loss": loss})


@pytest.fixture(scope="session")
def choices(runs: Runs) -> Sensitivity:
    return sensitivity(runs, laws=["coupled"], draws=15, target=TARGET)


@pytest.fixture(scope="session")
def repeated() -> Fit:
    """Runs with repeated data by the published law, and its fit with the base held."""
    law, values = get_law("repetition"), get_published("repetition").values
    n, u, e = (
        a.ravel() for a in np.meshgrid([1e8, 4e8, 1.6e9], [2e9, 4e9, 8e9], [1.0, 2, 4, 8, 16, 32])
    )
    rng = np.random.default_rng(0)
    loss = law.value(values, {"N": n, "D": u * e, "U": u}) * np.exp(rng.normal(0, 0.002, len(n)))
    table = {"params": n, "tokens": u * e, "unique_tokens": u, "loss": loss}
    held = {name: values[name] for name in ("E", "A", "B", "alpha", "beta")}
    return fit(read(table), law, fixed=held, draws=30)


@pytest.fixture(scope="session")
def settings() -> SweepFit:
    """A sweep of learning rate and batch with bowls around a known law, six cells."""
    rows: list[tuple[float, ...]] = []
    for n, d in ((1e8, 2e9), (1e8, 8e9), (3e8, 6e9), (3e8, 2e10), (1e9, 2e10), (1e9, 6e10)):
        best_lr, best_batch = 2.0 * n**-0.45 * d**0.08, 0.6 * d**0.57
        for i in range(-3, 4):
            for j in range(-2, 3):
                lr, batch = best_lr * 2 ** (i / 1.5), best_batch * 2**j
                bowl = 0.004 * (i / 1.5) ** 2 + 0.003 * j**2 - 0.002 * (i / 1.5) * j
                rows.append((n, d, lr, batch, (2.5 + 1e3 * n**-0.4) * math.exp(bowl)))
    n, d, lr, batch, loss = np.array(rows).T
    noise = np.exp(np.random.default_rng(2).normal(0, 3e-4, len(n)))
    table = {"n_nonemb": n, "tokens": d, "lr": lr, "batch_tokens": batch, "loss": loss * noise}
    return fit_sweep(read(table))


@pytest.fixture(scope="session")
def stored(
    tmp_path_factory: pytest.TempPathFactory,
    found: Fit,
    answer: Plan,
    tested: Backtest,
    runs: Runs,
) -> Path:
    """A folder with fit.json, plan.json, backtest.json and runs.csv."""
    folder = tmp_path_factory.mktemp("stored")
    found.save(folder / "fit.json")
    answer.save(folder / "plan.json")
    tested.save(folder / "backtest.json")
    runs.save(folder / "runs.csv")
    return folder


@pytest.fixture(scope="session")
def every_layer() -> Figure:
    """Two panels with a layer of every kind and hostile words."""
    x = array([1e6, 1e7, 1e8])
    y = array([4.0, 3.0, 2.5])
    grid_x, grid_y = array(np.geomspace(1e6, 1e8, 12)), array(np.linspace(2.0, 4.0, 11))
    z = array(grid_y[:, None] + np.log10(grid_x)[None, :] / 10)
    scale = Scale("loss (nats/token)", 2.0, 5.0, kind="loss", less_is_more=True)
    first = Panel(
        Axis(
            "N (parameters)",
            *(1e6, 1e9),
            log=True,
            kind="params",
            beyond=(Beyond(1e8, "× 10 beyond data"),),
        ),
        Axis("loss (nats/token)", 2.0, 4.2, kind="loss", twin=("bits", "number", 1.4427)),
        (
            Heat(grid_x, grid_y, z),
            Contour(grid_x, grid_y, z, array([3.0, 3.5]), labelled=(3.0,)),
            Band(x, array([3.9, 2.9, 2.4]), array([4.1, 3.1, 2.6])),
            Line(x, y, "law", label="<b>law</b> & $x$"),
            Points(
                *(x, y, "data"),
                shade=array([4.0, 3.0, 2.5]),
                y_lo=y - 0.1,
                y_hi=array([4.1, 3.1, np.inf]),
                names=("<script>alert(1)</script>", "$\\alpha$", "plain"),
            ),
            Mark(x=1e8, y=2.5, role="answer"),
            Mark(y=3.0, role="reference", label="published"),
            Mark(x=2e6, role="zero", label="here"),
            Text(0.5, 0.5, "two\nlines", inside=True),
        ),
        title="Every layer",
        scale=scale,
    )
    second = Panel(
        Axis("share (%)", 0.0, 100.0, kind="percent", reverse=True),
        Axis("", -0.5, 1.5, names=("one", "two")),
        (
            Points(array([20.0, 60.0]), array([0.0, 1.0]), "optimum", label="best"),
            Points(array([40.0]), array([1.0]), "open optimum", x_lo=array([30]), x_hi=array([50])),
        ),
        place=(0, 1),
    )
    return Figure(
        "every-layer", "Every layer", (first, second), "A caption with <b>mark-up</b> & $maths$.",
        widths=(1.2, 1.0), alt='Words with "quotes" & <angles>.',
    )  # fmt: skip
