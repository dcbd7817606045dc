"""The shipped runs are where the package says, and their cards explain every column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from isoloss import datasets
from isoloss.errors import InputError
from isoloss.training.shipped import find_ladder
from isoloss.training.spec import vary
from isoloss.training.templates import read_ladder


def frame(name):
    path = datasets.path(name)
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)


def test_small_ladder_has_its_237_runs():
    rows = frame("small_ladder")
    assert len(rows) == 237
    ladder = rows.filter(pl.col("study") == "ladder")
    assert len(ladder) == 126
    assert set(ladder["flops_budget"]) == {3e10, 1e11, 3e11, 1e12}


@pytest.mark.parametrize("name", datasets.names())
def test_card_explains_every_column(name):
    text = datasets.card(name)
    assert [column for column in frame(name).columns if f"`{column}`" not in text] == []


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="reference, small_ladder") as caught:
        datasets.path("../errors")
    assert caught.value.code == "unknown_dataset"


class TestReference:
    """The reference ladder holds what its card promises."""

    def test_reads_without_being_told_anything(self):
        runs = datasets.reference()
        assert runs.conventions.to_dict() == {
            "n": "matmul",
            "flop": "palm",
            "loss_unit": "nats/byte",
        }
        assert not [problem for problem in runs.problems if problem.severity == "error"]

    def test_isoflop_groups(self):
        runs = datasets.reference().where("\"group\" = 'isoflop'").ok().frame
        groups = runs.group_by("flop_budget").agg(
            sizes=pl.col("n_matmul").n_unique(),
            best=pl.col("n_matmul").sort_by("loss").first(),
            least=pl.col("n_matmul").min(),
            most=pl.col("n_matmul").max(),
        )
        assert len(groups) >= 6
        assert np.ptp(np.log10(groups["flop_budget"].to_numpy())) >= 2.49
        assert (groups["sizes"] >= 6).all()
        assert (groups["least"] < groups["best"]).all()
        assert (groups["best"] < groups["most"]).all()
        assert ((runs["flop"] / runs["flop_budget"] - 1).abs() < 0.01).all()

    def test_seeds(self):
        rows = datasets.reference().where("flop_budget IS NOT NULL").ok().frame
        seeds = rows.group_by("n_matmul", "tokens", "lr").agg(pl.col("seed").n_unique())
        assert (seeds["seed"] >= 2).sum() >= 20

    def test_sweep(self):
        rows = datasets.reference().where("\"group\" = 'sweep'").ok().frame
        cells = rows.group_by("n_matmul", "tokens").agg(
            pl.struct("lr", "batch_tokens").n_unique().alias("settings"),
            pl.col("lr").n_unique(),
            pl.col("batch_tokens").n_unique(),
        )
        assert len(cells) >= 4
        assert (cells["settings"] == cells["lr"] * cells["batch_tokens"]).all()

    def test_repetition_and_schedules(self):
        runs = datasets.reference()
        repeated = runs.where("\"group\" = 'repetition'").ok().frame
        assert (repeated["epochs"] > 30).any()
        assert (repeated["epochs"] <= 1).any()
        schedules = set(runs.where("\"group\" = 'curves'").frame["lr_schedule"])
        assert len(schedules & {"cosine", "linear", "wsd"}) == 3

    def test_curves_belong_to_the_runs(self):
        curves = datasets.reference_curves()
        assert set(curves["run_id"]) == set(datasets.reference().frame["run_id"])
        assert curves.columns == ["run_id", "step", "tokens", "series", "value"]

    def test_the_shipped_ladder_names_these_runs(self):
        rows = datasets.reference().frame
        (corpus,) = {text.removeprefix("corpus ") for text in rows["dataset"]}
        planned = read_ladder(find_ladder("reference")).runs
        wanted = [vary(one.spec, {"vocab": 256, "corpus": corpus}).run_id for one in planned]
        assert sorted(rows["run_id"]) == sorted(wanted)

    def test_is_small(self):
        folder = datasets.path("reference").parent
        assert sum(file.stat().st_size for file in folder.glob("reference*")) < 5e6
