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
from tests.fitting.lr_batch import make_sweep

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
def earlier_fit(ladder: Path) -> Path:
    """A fit to the smaller budgets of the ladder only."""
    path = ladder.parent / "earlier.json"
    words = ["fit", str(ladder), "--where", "flops < 5e19", "--n", "total", "--draws", "20"]
    assert main([*words, "--save", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="session")
def steps_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Steps to two losses at eight batches, on hyperbolas with 2 % of noise."""
    rng = np.random.default_rng(7)
    lines = ["loss,batch_tokens,steps"]
    for loss, least, tokens in ((3.2, 2400, 1.1e9), (3.0, 4200, 2.6e9)):
        for batch in (2**power for power in range(15, 23)):
            noise = np.exp(0.02 * rng.standard_normal())
            lines.append(f"{loss},{batch},{(least + tokens / batch) * noise:.0f}")
    path = tmp_path_factory.mktemp("steps") / "steps.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def norms_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve gradient norms at each of two batches, of a noise scale of 600k tokens."""
    rng = np.random.default_rng(8)
    lines = ["batch_tokens,grad_norm"]
    for batch in (2**15, 2**19):
        for _ in range(12):
            norm = 0.2 * np.sqrt((1 + 6e5 / batch) * np.exp(0.05 * rng.standard_normal()))
            lines.append(f"{batch},{norm:.6f}")
    path = tmp_path_factory.mktemp("norms") / "norms.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def sweep_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of learning rate and batch in nine cells, as a table; one run diverged."""
    made = make_sweep(noise=0.0005, grid=5, seed=1).points
    lines = ["n_nonemb,tokens,lr,batch_tokens,loss"]
    columns = (made.params, made.tokens, made.columns["lr"], made.columns["batch_tokens"])
    for *settings, loss in zip(*columns, made.loss, strict=True):
        lines.append(",".join(f"{value!r}" for value in (*map(float, settings), float(loss))))
    lines.append("2e8,5e9,0.1,500000,nan")
    path = tmp_path_factory.mktemp("sweep") / "sweep.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty runs on mixtures of three domains, by a known mixing law with noise."""
    rng = np.random.default_rng(3)
    shares = rng.dirichlet([1.0, 1.0, 1.0], 40)
    pulls = {"loss_a": (2.0, [-2.0, 0.1, 0.4]), "loss_b": (1.5, [0.5, -1.5, 0.2])}
    columns = {f"w_{name}": shares[:, i] for i, name in enumerate("abc")}
    for name, (floor, pull) in pulls.items():
        columns[name] = (floor + np.exp(shares @ np.array(pull))) * np.exp(rng.normal(0, 0.002, 40))
    lines = [",".join(columns)]
    lines += [
        ",".join(f"{value:.12g}" for value in row) for row in zip(*columns.values(), strict=True)
    ]
    path = tmp_path_factory.mktemp("mixtures") / "mixtures.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def pool_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs on two pools that they read up to eight times, by a known law of utility."""
    from isoloss.laws.utility import Base, pool_loss

    rng = np.random.default_rng(4)
    base = Base(3.0, 2e7, 1.8)
    lines = ["pool,unique_tokens,tokens,loss"]
    for name, utility, half_life in (("good", -0.28, 3.0), ("poor", -0.18, 6.0)):
        for epochs in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
            loss = float(pool_loss(base, utility, half_life, 1e9, 1e9 * epochs))
            lines.append(f"{name},1e9,{1e9 * epochs:g},{loss * np.exp(rng.normal(0, 0.002)):.6f}")
    path = tmp_path_factory.mktemp("pools") / "pools.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def rep_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that read their data 1, 5 and 25 times, by the published law of repetition."""
    from isoloss.laws import get_law, get_published

    rng = np.random.default_rng(1)
    law, values = get_law("repetition"), get_published("repetition").values
    lines = ["params_total,tokens,unique_tokens,loss"]
    for flop in np.geomspace(1e19, 3e21, 5):
        for share in (0.5, 1.0, 2.0):
            for epochs in (1.0, 5.0, 25.0):
                params = share * np.sqrt(flop / 120)
                tokens = flop / (6 * params)
                x = {"N": params, "D": tokens, "U": tokens / epochs}
                loss = float(law.value(values, x)) * np.exp(rng.normal(0, 0.002))
                lines.append(f"{params:.0f},{tokens:.0f},{tokens / epochs:.0f},{loss:.6f}")
    path = tmp_path_factory.mktemp("repeated") / "runs.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
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
