"""Results of one study whose runs have hostile names."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.fitting import Fit, fit
from isoloss.planning import Plan, plan
from isoloss.report import collect
from isoloss.runs import Runs
from isoloss.validation import Backtest, backtest
from tests.figures.conftest import TARGET, sweep

FIGURES = ("iso-loss", "residuals", "backtest")
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b*c_d`e",
    "100% & \\input{x} $",
    '"><img src=x onerror=1>',
)


@pytest.fixture(scope="session")
def runs() -> Runs:
    made = sweep(names=HOSTILE)
    return made.exclude([made.frame["run_id"][0]], "diverged <b>early</b> | badly")


@pytest.fixture(scope="session")
def found(runs: Runs) -> Fit:
    return fit(runs, draws=60)


@pytest.fixture(scope="session")
def answer(found: Fit) -> Plan:
    return plan(found, TARGET)


@pytest.fixture(scope="session")
def tested(runs: Runs) -> Backtest:
    return backtest(runs, "chinchilla", target=TARGET, draws=20)


@pytest.fixture(scope="session")
def content(found, answer, tested, runs):
    return collect(found, answer, tested, runs, figures=FIGURES)


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory, content) -> Path:
    """The report as a file."""
    from isoloss.report.html import page

    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(content), encoding="utf-8")
    return path
