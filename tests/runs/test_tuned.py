"""`Runs.best`: the best value of what was tuned, and whether it is inside those tried."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.runs import read

LRS = (1e-3, 2e-3, 4e-3)


def table(cells, *, seeds=1, **more):
    """Runs of some sizes: a loss for each lr of `LRS`, the seeds a thousandth apart."""
    rows = [
        {"n_total": 1e6 * (i + 1), "tokens": 1e8, "lr": lr, "seed": seed, "loss": loss + seed / 1e3}
        for i, losses in enumerate(cells)
        for lr, loss in zip(LRS, losses, strict=True)
        for seed in range(seeds)
    ]
    return read(pl.DataFrame(rows).with_columns(**more))


def test_the_best_value_of_each_size_stays():
    runs = table([(3.2, 3.0, 3.1), (2.8, 2.9, 3.0), (2.7, 2.6, 2.5)]).best("lr")
    ok = runs.ok().frame
    assert ok["lr"].to_list() == [2e-3, 1e-3, 4e-3]
    assert ok["lr_choice"].to_list() == ["inside", "lowest tried", "highest tried"]
    assert len(runs) == 9
    excluded = runs.frame.filter(pl.col("status") == "excluded")
    assert set(excluded["reason"]) == {"another lr does better"}
    assert excluded["lr_choice"].null_count() == 6


def test_edges_are_counted_in_a_warning():
    (found,) = [
        problem
        for problem in table([(3.2, 3.0, 3.1), (2.8, 2.9, 3.0)]).best("lr").problems
        if problem.code == "edge_of_sweep"
    ]
    assert found.severity == "warning"
    assert found.message.startswith("in 1 of 2 settings the best lr is the lowest or highest tried")
    assert len(found.run_ids) == 1
    inside = table([(3.2, 3.0, 3.1)]).best("lr")
    assert not [problem for problem in inside.problems if problem.code == "edge_of_sweep"]


def test_seeds_are_averaged_and_all_stay():
    # One lucky seed of the highest rate does not carry it.
    runs = read(
        {
            "n_total": [1e6] * 6,
            "tokens": [1e8] * 6,
            "lr": [1e-3, 1e-3, 2e-3, 2e-3, 4e-3, 4e-3],
            "seed": [0, 1, 0, 1, 0, 1],
            "loss": [3.3, 3.3, 3.0, 3.1, 2.95, 3.4],
        }
    ).best("lr")
    assert runs.ok().frame["lr"].to_list() == [2e-3, 2e-3]


def test_two_settings_together():
    frame = pl.DataFrame(
        [
            {"n_total": 1e6, "tokens": 1e8, "lr": lr, "batch_tokens": batch, "loss": loss}
            for lr, batch, loss in [
                (1e-3, 1e4, 3.3),
                (1e-3, 2e4, 3.2),
                (2e-3, 1e4, 3.1),
                (2e-3, 2e4, 3.15),
            ]
        ]
    )
    ok = read(frame).best(["lr", "batch_tokens"]).ok().frame
    assert ok.select("lr", "batch_tokens").rows() == [(2e-3, 1e4)]
    assert ok["lr_choice"].item() == "highest tried"
    assert ok["batch_tokens_choice"].item() == "lowest tried"


def test_settings_may_differ_in_a_column_of_ones_own():
    one = table([(3.2, 3.0, 3.1)], kind=pl.lit("a")).frame
    two = table([(2.8, 2.9, 3.0)], kind=pl.lit("b")).frame
    both = read(pl.concat([one, two]).drop("run_id"))
    assert both.best("lr").ok().frame.select("kind", "lr").rows() == [("a", 2e-3), ("b", 2e-3)]
    apart = both.best("lr", by=["kind"]).ok().frame
    assert apart.select("kind", "lr").rows() == [("a", 2e-3), ("b", 1e-3)]


def test_a_second_choice_replaces_the_first():
    runs = table([(3.2, 3.0, 3.1), (2.8, 2.9, 3.0)])
    first = runs.best("lr")
    again = first.include(first.frame["run_id"]).best("lr")
    assert again.frame.equals(first.frame)
    assert again.problems == first.problems


def test_what_cannot_be_chosen():
    runs = table([(3.2, 3.0, 3.1)])
    with pytest.raises(InputError, match="weight_decay") as caught:
        runs.best("weight_decay")
    assert caught.value.code == "unknown_column"
    with pytest.raises(InputError, match="no column"):
        runs.best([])
    with pytest.raises(EvidenceError, match="no setting was tried with two values of seed"):
        runs.best("seed")


@given(
    cells=st.lists(st.tuples(*[st.floats(1.0, 9.0) for _ in LRS]), min_size=1, max_size=6),
    random=st.randoms(use_true_random=False),
)
def test_lowest_of_each_size_whatever_the_order(cells, random):
    rows = table(cells, seeds=2).frame.drop("run_id").rows(named=True)
    random.shuffle(rows)
    ok = read(pl.DataFrame(rows)).best("lr").ok().frame
    kept = ok.group_by("n_total").agg(pl.col("loss").min()).sort("n_total")["loss"].to_list()
    assert kept == pytest.approx([min(losses) for losses in cells])
    assert ok.group_by("n_total").agg(pl.col("lr").n_unique())["lr"].to_list() == [1] * len(cells)
