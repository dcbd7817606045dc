"""Commands called in this process: the same words, exit codes and streams as on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isoloss.cli.app import main

TRUTH = {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.36}


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output, read strictly."""

        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Result(code, out, err)

    return call


@pytest.fixture(scope="session")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty runs at five budgets, by a known law with noise that budgets share."""
    rng = np.random.default_rng(5)
    lines = ["name,params_total,tokens,flops,loss"]
    for tier, flop in enumerate((1e18, 3e18, 1e19, 3e19, 1e20)):
        shared = rng.normal(0, 0.001)
        for size, params in enumerate(np.geomspace(0.2, 5, 6) * 0.1 * flop**0.5):
            tokens = flop / (6 * params)
            law = (
                TRUTH["E"]
                + TRUTH["A"] / params ** TRUTH["alpha"]
                + TRUTH["B"] / tokens ** TRUTH["beta"]
            )
            loss = law * np.exp(shared + rng.normal(0, 0.001))
            lines.append(f"t{tier}-s{size},{params:.0f},{tokens:.0f},{flop:g},{loss:.6f}")
    path = tmp_path_factory.mktemp("ladder") / "ladder.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def fit_file(ladder: Path) -> Path:
    """A fit to the ladder, as isoloss fit --save writes it."""
    path = ladder.parent / "fit.json"
    assert main(["fit", str(ladder), "--draws", "200", "--save", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="session")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten runs that say how long they took on eight H100, at utilisations that level off."""
    lines = ["name,params_total,tokens,flops,loss,device,n_devices,wall_seconds"]
    rng = np.random.default_rng(11)
    for i, params in enumerate(np.geomspace(2e7, 4e9, 10)):
        mfu = 0.5 / (1 + (1e8 / params) ** 0.8) * np.exp(rng.normal(0, 0.02))
        flop = 120 * params**2
        seconds = flop / (mfu * 8 * 989e12)
        lines.append(
            f"r{i},{params:.0f},{20 * params:.0f},{flop:g},{4 - 0.1 * i:.3f},"
            f"NVIDIA H100 80GB HBM3,8,{seconds:.4f}"
        )
    path = tmp_path_factory.mktemp("timed") / "timed.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
