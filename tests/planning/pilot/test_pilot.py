"""The verb ``iso.pilot``: its pilot, its file, what it promises, and what runs bought."""

from __future__ import annotations

import itertools
import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.figures import Line, Points
from isoloss.planning.pilot import PilotPlan, bought
from isoloss.planning.pilot.bought import read_expectations
from isoloss.planning.pilot.ladder_file import expectations
from isoloss.runs import Architecture
from isoloss.training.templates import parse_ladder, run_flop

NOISE = 0.004
DOCS = Path(__file__).resolve().parents[3] / "docs" / "how-to"


@pytest.fixture(scope="module")
def small() -> PilotPlan:
    return iso.pilot("6e11 FLOP", noise=NOISE)


@pytest.fixture(scope="module")
def large() -> PilotPlan:
    return iso.pilot(1e20, law="chinchilla", target=1e21, runs=20)


def trained(plan: PilotPlan, tmp_path, seed=0, law=None, noise=NOISE):
    """The runs of a pilot as a ladder would leave them, losses by the law with noise."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "run_id": f"{run.shape}-{run.tokens:.0f}-{run.seed}",
            "n_matmul": run.n_params,
            "tokens": run.tokens,
            "flop": run.flop,
            "flop_budget": run.flop_budget,
            "loss": run.loss * math.exp(rng.normal(0, noise)),
            "loss_unit": "nats/byte",
        }
        for run in plan.runs
    ]
    path = tmp_path / f"runs{seed}.csv"
    pl.DataFrame(rows).write_csv(path)
    return iso.read(path)


def test_a_pilot_holds_what_it_says(small):
    assert sum(run.flop for run in small.runs) == pytest.approx(small.flop)
    assert small.flop + small.reserve_flop == pytest.approx(small.budget_flop)
    assert small.target["flop"] == 6e12
    assert all(run.steps >= 300 for run in small.runs)
    assert small.half_width["before"] == math.inf
    assert small.half_width["after"] < small.half_width["drifting"] < math.inf
    widths = [run.half_width for run in small.runs]
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(widths))
    assert widths[-1] == small.half_width["after"]
    assert {notice.code for notice in small.warnings} >= {"assumes_law", "shipped_prior"}
    assert small.after.lo < small.after.estimate < small.after.hi


def test_saved_and_read_again(small, large, tmp_path):
    for plan in (small, large):
        plan.save(tmp_path / "p.json")
        assert PilotPlan.load(tmp_path / "p.json") == plan
    (tmp_path / "p.json").write_text('{"schema": "isoloss.pilot", "version": 1}')
    with pytest.raises(InputError, match="damaged"):
        PilotPlan.load(tmp_path / "p.json")


def test_the_file_is_a_ladder_of_the_same_runs(small, large):
    for plan in (small, large):
        document = tomllib.loads(plan.to_toml("mine"))
        ladder = parse_ladder(document)
        assert ladder.name == "mine"
        assert len(ladder.runs) == len(plan.runs)
        assert ladder.pilot["half_width_expected"] == plan.half_width["after"]
        for planned, run in zip(
            sorted(ladder.runs, key=lambda one: (one.spec.tokens, one.spec.model.d_model)),
            sorted(plan.runs, key=lambda one: (one.tokens, int(one.shape.split("x")[0]))),
            strict=True,
        ):
            assert planned.spec.tokens == run.tokens
            assert planned.spec.pacing.steps == run.steps
            assert planned.labels["flop_budget"] == run.flop_budget
            assert planned.labels["group"] == run.group
            model = replace(planned.spec.model, vocab=plan.recipe["vocab"])
            assert run_flop(replace(planned.spec, model=model)) == pytest.approx(run.flop)


def test_figure(small, ladder_points, tmp_path):
    fit = iso.fit(ladder_points, ci="none")
    for plan in (small, iso.pilot(1e20, fit=fit, target=1e22, narrow="exponent", runs=16)):
        figure = plan.figure()
        planned = [one for one in figure.panels[0].of(Points) if one.role == "answer"]
        assert planned[0].x.tolist() == [run.n_params for run in plan.runs]
        (line,) = figure.panels[1].of(Line)
        assert np.all(np.diff(line.y) <= 1e-6 * line.y[:-1])
        assert line.x[-1] == pytest.approx(plan.flop)
        figure.save(tmp_path / "f.svg")
        assert (tmp_path / "f.svg").stat().st_size > 1000


def test_a_trainer_of_ones_own(small):
    plan = iso.pilot(
        "6e11", noise=NOISE, trainer='python "my train.py" --n {n_matmul} --d {tokens}'
    )
    ladder = parse_ladder(tomllib.loads(plan.to_toml()))
    assert ladder.trained_by_commands
    assert not ladder.sources
    assert ladder.runs[0].spec.trainer == plan.recipe["trainer"]
    assert ladder.flop == pytest.approx(plan.flop)


def test_hours_and_money():
    plan = iso.pilot(
        "100 H100-hours",
        law="chinchilla",
        target="1000 H100-hours",
        mfu=0.4,
        price=2.0,
        runs=20,
    )
    hours = sum(run.device_hours or 0 for run in plan.runs)
    assert 80 < hours <= 95
    assert sum(run.money or 0 for run in plan.runs) == pytest.approx(2 * hours)
    assert plan.target["flop"] == pytest.approx(10 * plan.budget_flop)


def test_learning_rates():
    plan = iso.pilot(1e20, law="chinchilla", runs=15)
    assert {run.lr for run in plan.runs} == {2.0**-7}
    assert 'parametrization = "mup"' in plan.to_toml()
    assert "mup_rate" in {one.code for one in plan.notes}
    by_law = iso.pilot(1e20, law="chinchilla", runs=15, lr_law="step-law")
    assert 'parametrization = "standard"' in by_law.to_toml()
    run = by_law.runs[-1]
    width, layers = (int(part) for part in run.shape.split("x"))
    arch = Architecture(layers, width, run.n_heads, vocab=32000, seq_len=2048, tied=False)
    advised = iso.hparams(arch, run.tokens, law="step-law")["step-law"].lr
    assert advised is not None
    assert run.lr == pytest.approx(advised.estimate, rel=2e-3)
    assert "lr_outside_range" in {one.code for one in by_law.notes}


def test_a_fit_is_added_to(ladder_points):
    fit = iso.fit(ladder_points, ci="none")
    plan = iso.pilot(1e20, fit=fit, target=1e22, narrow="size", runs=20)
    assert plan.half_width["after"] < plan.half_width["before"] < math.inf
    assert plan.n_runs == 24
    assert plan.data_hash == ladder_points.data_hash
    assert len(plan.existing["tokens"]) == 24
    assert not {"shipped_prior", "assumed_noise"} & {one.code for one in plan.warnings}


def test_a_guess_is_called_one():
    plan = iso.pilot(1e20, guess={"alpha": 0.4}, runs=20)
    assert plan.values["alpha"] == 0.4
    assert "guess" in {one.code for one in plan.warnings}
    assert "as published" in plan.source


def test_smaller_batches_where_nothing_else_fits(small):
    assert small.recipe["batch_tokens"] == 256
    assert "small_batch" in {one.code for one in small.notes}
    assert iso.pilot("1e13", noise=NOISE, runs=15).recipe["batch_tokens"] == 512


def test_expected_width_is_what_simulated_pilots_show(small, tmp_path):
    """Sixty simulated pilots: spread of the refitted loss against the half width that is said.

    To first order and at 18 runs; the long version with other laws is benchmarks/pilot.py.
    """
    answers = []
    for seed in range(60):
        runs = trained(small, tmp_path, seed)
        fit = iso.fit(runs, small.law, ci="none", n="matmul")
        found = optimal_loss(fit, small.target["flop"])
        answers.append(math.log(found / small.after.estimate))
    spread = 1.645 * 1.4826 * float(np.median(np.abs(answers - np.median(answers))))
    assert 0.6 < spread / small.half_width["after"] < 1.5
    inside = np.mean(np.abs(answers) < small.half_width["after"])
    assert inside >= 0.75


def optimal_loss(fit, flop):
    from isoloss.laws.compute import FlopRule
    from isoloss.planning.pilot.belief import from_fit
    from isoloss.planning.pilot.question import answers, ask

    belief = from_fit(fit)
    question = ask(belief, "loss", flop)
    return float(answers(belief, question, fit.theta[None], FlopRule())[0])


def test_what_runs_bought(small, tmp_path):
    runs = trained(small, tmp_path)
    small.save_toml(tmp_path / "p.toml")
    small.save(tmp_path / "p.json")
    told = read_expectations(tmp_path / "p.toml")
    assert told == read_expectations(tmp_path / "p.json")
    found = bought(runs, plan=told, draws=40)
    assert found.n_new == found.n_runs == len(small.runs)
    assert found.half_width["expected"] == small.half_width["after"]
    assert 0.3 < found.half_width["achieved"] / found.half_width["expected"] < 3
    assert found.groups >= found.minima_inside >= 3
    assert 0.3 < found.noise["achieved"] / NOISE < 3
    assert "times as wide as expected" in found.summary()
    assert set(found.others) <= {"chinchilla", "coupled", "kaplan"}


def test_laws_that_disagree_are_named():
    """A real pilot of 18 runs: two decades beyond them the laws differ by 30 %, and it says so."""
    runs = iso.read(DOCS / "pilot-runs.csv", n="matmul", loss_unit="nats/byte")
    found = bought(runs, plan=expectations(iso.pilot("6e11")), draws=100)
    assert found.found.estimate == pytest.approx(1.370, abs=0.005)
    assert found.others["coupled"] == pytest.approx(1.218, abs=0.01)
    assert found.others["kaplan"] == pytest.approx(1.198, abs=0.005)
    assert found.others["chinchilla"] == pytest.approx(1.567, abs=0.01)
    message = next(one.message for one in found.warnings if one.code == "laws_disagree")
    assert message.startswith("chinchilla put")
    assert message.endswith("--law rosenfeld,chinchilla.")
    # Between 1.293 at 3.16e12 and 1.195 at 1e13 FLOP, what the reference ladder reached.
    assert found.found.lo < 1.237 < found.found.hi < found.others["chinchilla"]


def test_what_further_runs_bought(ladder_points, tmp_path):
    early = ladder_points.take(ladder_points.tier < 3)
    late = ladder_points.take(ladder_points.tier == 3)
    path = tmp_path / "late.csv"
    pl.DataFrame(
        {
            "run_id": [f"new{i}" for i in range(len(late))],
            "n_total": late.params,
            "tokens": late.tokens,
            "flop": late.flop,
            "loss": late.loss,
            "loss_unit": "nats/token",
        }
    ).write_csv(path)
    fit = iso.fit(early, ci="none")
    found = bought(iso.read(path), fit=fit, target=1e21, draws=40)
    width = found.half_width
    assert width["expected"] < width["before"]
    assert width["achieved"] == pytest.approx(width["expected"], rel=0.6)
    assert (found.n_runs, found.n_new) == (24, 6)
    with pytest.raises(InputError, match="what was expected"):
        bought(iso.read(path))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"narrow": "width"}, "bad_value"),
        ({"noise": 0.0}, "bad_noise"),
        ({"noise": 2.0}, "bad_noise"),
        ({"drift": -0.1}, "bad_value"),
        ({"level": 1.0}, "bad_value"),
        ({"n": "all"}, "bad_value"),
        ({"batch": 100}, "bad_value"),
        ({"target_n": "1B"}, "bad_value"),
        ({"target_n": "1B", "target_d": "20B", "target": 1e20}, "conflicting_options"),
        ({"target_n": "1B", "target_d": "20B", "narrow": "size"}, "bad_value"),
        ({"shapes": ["8by2"]}, "bad_shape"),
        ({"shapes": ["9x2"]}, "bad_shape"),
        ({"smallest": "1T", "largest": "2T", "shapes": ["8x2"]}, "no_sizes"),
        ({"guess": {"zeta": 1.0}}, "unknown_parameter"),
        ({"lr_law": "no-such-law"}, "unknown_law"),
        ({"target": "3 parsecs"}, "bad_quantity"),
    ],
)
def test_bad_input(words, code):
    with pytest.raises(InputError) as caught:
        iso.pilot("6e11", **words)
    assert caught.value.code == code


def test_refusals(ladder_points):
    with pytest.raises(EvidenceError) as caught:
        iso.pilot("1e9")
    assert caught.value.code == "pilot_too_small"
    fit = iso.fit(ladder_points, ci="none")
    with pytest.raises(InputError) as caught:
        iso.pilot(1e20, fit=fit, law="chinchilla")
    assert caught.value.code == "conflicting_options"
    with pytest.raises(InputError) as caught:
        iso.pilot("5 H100-hours")
    assert caught.value.code == "missing_mfu"
