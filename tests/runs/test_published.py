"""Published tables are read as they are, without a word from the user."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss import datasets
from isoloss.runs import read

# file, runs, usable runs, N, FLOP, what is not given
TABLES = [
    ("chinchilla_epoch", 245, 245, "total", "given", {}),
    ("farseer", 404, 400, "params", "6nd", {"flop": "assumed:6nd"}),
    ("datablations_repetition", 318, 308, "params", "6nd", {"flop": "assumed:6nd"}),
    ("porian_isoflops", 1745, 1745, "params", "given", {}),
    ("small_ladder", 237, 237, "params", "given", {"epochs": "derived:tokens/unique_tokens"}),
    ("steplaw_dense", 1911, 1911, "params", "6nd", {"flop": "assumed:6nd"}),
    ("oellm_lr_bsz_horizon", 687, 687, "params", "given", {}),
]


@pytest.mark.parametrize(("name", "n_runs", "n_ok", "n", "flop", "made"), TABLES)
def test_published_tables(published_data, name, n_runs, n_ok, n, flop, made):
    runs = read(published_data / f"{name}.csv")
    assert (len(runs), len(runs.points())) == (n_runs, n_ok)
    assert (runs.conventions.n, runs.conventions.flop) == (n, flop)
    for column, how in made.items():
        assert runs.provenance[column] == how
    assert not [p.message for p in runs.problems if p.severity == "error"]
    assert not {"flop_far_from_6nd", "implausible_tokens"} & {p.code for p in runs.problems}


def test_epochs_240_runs(published_data):
    points = read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch").points()
    assert len(points) == 240
    np.testing.assert_allclose(points.flop, 6 * points.params * points.tokens, rtol=1e-12)
    assert 16 <= points.tier.max() + 1 <= 22


def test_the_authors_182_runs_are_all_usable(published_data):
    runs = read(published_data / "datablations_repetition.csv", where="in_authors_fit")
    points = runs.points()
    assert len(points) == 182
    assert (points.unique_tokens <= points.tokens).all()
    np.testing.assert_allclose(
        points.tokens / points.unique_tokens, points.columns["epochs"], rtol=1e-12
    )


def test_farseers_four_duplicates(published_data):
    runs = read(published_data / "farseer.csv")
    reasons = runs.frame["reason"].drop_nulls()
    assert len(reasons) == 4
    assert reasons.str.starts_with("duplicate").all()


def test_diverged_sweep_runs_are_pointed_at(published_data):
    runs = read(published_data / "steplaw_dense.csv")
    high = next(problem for problem in runs.problems if problem.code == "high_loss")
    names = set(high.run_ids)
    losses = dict(zip(runs.frame["run_id"], runs.frame["loss_smoothed"], strict=True))
    assert all(name in names for name, loss in losses.items() if loss > 3.6)


def test_the_shipped_ladder_is_the_published_one(published_data):
    shipped, published = datasets.small_ladder(), read(published_data / "small_ladder.csv")
    assert shipped.conventions.loss_unit == "nats/byte"
    assert shipped.data_hash == published.data_hash
    tiers = shipped.where("study = 'ladder'").coverage()
    np.testing.assert_allclose(tiers["flop_lo"], [3e10, 1e11, 3e11, 1e12], rtol=0.05)
    assert tiers["interior"].all()
