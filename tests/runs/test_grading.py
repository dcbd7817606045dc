"""Which runs count, and why not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from isoloss.runs import read


def table(n: int = 4, /, **columns: Any):
    base = {
        "params": [1e8 * 2**i for i in range(n)],
        "tokens": [2e9 * 3**i for i in range(n)],
        "loss": [3.0 - 0.1 * i for i in range(n)],
    }
    return base | columns


def graded(runs):
    return runs.frame["status"].to_list(), runs.frame["reason"].to_list()


def problem(runs, code):
    found = [p for p in runs.problems if p.code == code]
    assert len(found) == 1, [p.code for p in runs.problems]
    return found[0]


def test_good_runs_are_ok():
    status, reason = graded(read(table()))
    assert status == ["ok"] * 4
    assert reason == [None] * 4


@pytest.mark.parametrize(
    ("loss", "said", "code"),
    [
        (math.nan, "diverged: the loss is NaN", "diverged"),
        (math.inf, "diverged: the loss is infinite", "diverged"),
        (None, "no loss: the run diverged or has not ended", "no_loss"),
    ],
)
def test_diverged(loss, said, code):
    runs = read(table(loss=[3.0, loss, 2.8, 2.7]))
    assert graded(runs) == (["ok", "excluded", "ok", "ok"], [None, said, None, None])
    assert problem(runs, code).run_ids == ("2",)
    assert len(runs) == 4
    assert len(runs.ok()) == len(runs.points()) == 3


def test_no_better_than_chance():
    runs = read(table(loss=[3.0, 10.9, 2.8, 2.7], vocab=[50257] * 4))
    assert graded(runs)[1][1] == "diverged: the loss is no better than chance (10.82)"
    assert graded(read(table(loss=[3.0, 10.9, 2.8, 2.7])))[0] == ["ok"] * 4


@pytest.mark.parametrize("name", ["params", "tokens"])
def test_missing_counts(name):
    runs = read(table(**{name: [1e8, None, 4e9, 8e9]}))
    assert graded(runs)[1] == [None, f"{name} is missing", None, None]


def test_unfinished_by_status():
    runs = read(table(state=["finished", "crashed", "Running", "completed"]))
    assert graded(runs) == (
        ["ok", "excluded", "excluded", "ok"],
        [None, "unfinished: status crashed", "unfinished: status Running", None],
    )
    assert problem(runs, "unfinished").run_ids == ("2", "3")


def test_a_column_called_status_may_mean_something_else():
    runs = read(table(status=["new", "old", "new", "old"]))
    assert graded(runs)[0] == ["ok"] * 4
    assert runs.frame["status_input"].to_list() == ["new", "old", "new", "old"]


def test_unfinished_by_steps():
    runs = read(table(steps=[1000, 400, 1000, 990], max_steps=[1000] * 4))
    assert graded(runs)[1] == [None, "unfinished: 400 of 1000 steps", None, None]


def test_learning_rate_not_decayed():
    columns = {"lr": [1e-3] * 4, "min_lr": [1e-5, 1e-3, 1e-4, 0.0]}
    runs = read(table(**columns))
    assert graded(runs)[1] == [None, "learning rate not decayed at the end", None, None]
    assert problem(runs, "not_decayed").run_ids == ("2",)
    kept = read(table(**columns), keep_undecayed=True)
    assert graded(kept)[0] == ["ok"] * 4
    assert problem(kept, "undecayed_kept").run_ids == ("2",)


def test_constant_schedule_among_decayed_ones():
    runs = read(table(lr_schedule=["cosine", "constant", "linear", "wsd"]))
    assert graded(runs)[0] == ["ok", "excluded", "ok", "ok"]


def test_where_no_run_decays_all_compare():
    runs = read(table(lr_schedule=["constant"] * 4))
    assert graded(runs)[0] == ["ok"] * 4
    assert problem(runs, "undecayed_kept").run_ids == ("1", "2", "3", "4")


def test_duplicates_and_seeds():
    rows = {
        "params": [1e8] * 4,
        "tokens": [2e9] * 4,
        "loss": [3.0, 3.0, 3.0, 3.1],
        "seed": [0, 0, 1, 0],
    }
    runs = read(rows)
    assert graded(runs)[0] == ["ok", "excluded", "ok", "ok"]
    assert problem(runs, "duplicate").run_ids == ("2",)


def test_row_numbers_do_not_hide_duplicates(tmp_path):
    path = tmp_path / "from_pandas.csv"
    path.write_text(",params,tokens,loss\n0,1e8,2e9,3\n1,1e8,2e9,3\n")
    assert graded(read(path))[0] == ["ok", "excluded"]


def test_runs_of_two_names_are_two_runs():
    assert (
        graded(read(table(params=[1e8] * 4, tokens=[2e9] * 4, loss=[3.0] * 4, name=list("abcd"))))[
            0
        ]
        == ["ok"] * 4
    )


def test_identical_runs_leave_one():
    runs = read(table(params=[1e8] * 4, tokens=[2e9] * 4, loss=[3.0] * 4))
    assert len(runs.points()) == 1
    assert "too_few_budgets" in [p.code for p in runs.problems]


def test_one_run():
    runs = read(table(1))
    assert len(runs.points()) == 1
    assert problem(runs, "too_few_budgets").severity == "warning"


def test_no_run_is_left():
    runs = read(table(loss=[math.nan] * 4))
    assert problem(runs, "no_runs").severity == "error"
    assert len(runs.ok()) == 0


def test_tokens_against_steps():
    runs = read(table(steps=[2000, 6000, 18000, 54000], batch_tokens=[1e6, 1e6, 1e6, 512e3]))
    found = problem(runs, "implausible_tokens")
    assert found.run_ids == ("4",)
    assert "1.95" in found.message
    assert graded(runs)[0] == ["ok"] * 4


def test_flop_far_from_6nd():
    runs = read(table(flops=[1.2e18, 7.2e18, 4.3e19, 2.6e22]))
    assert problem(runs, "flop_far_from_6nd").run_ids == ("4",)


def test_more_unique_tokens_than_tokens():
    runs = read(table(unique_tokens=[1e9, 1e10, 1e9, 1e9]))
    assert problem(runs, "unique_exceeds_tokens").run_ids == ("2",)


def test_loss_far_above_a_smaller_run():
    runs = read(table(loss=[3.0, 2.9, 4.1, 2.7]))
    found = problem(runs, "high_loss")
    assert found.run_ids == ("3",)
    # Finite losses are the user's to judge.
    assert graded(runs)[0] == ["ok"] * 4


def test_perplexity_is_asked_about():
    assert problem(read(table(loss=[22.0, 18.0, 15.0, 12.0])), "odd_loss").run_ids == ("1", "2")


def test_two_ways_of_counting_flop():
    runs = read(table(flop_convention=["palm", "6nd", "palm", "palm"]))
    assert problem(runs, "mixed_flop_convention").severity == "warning"


def test_high_losses_in_a_table_of_many_sizes():
    n = 2000
    params = [1e8 * 1.002**i for i in range(n)]
    loss = [4.0 - 0.001 * i for i in range(n)]
    loss[1500] = 8.0
    runs = read({"params": params, "tokens": [20 * p for p in params], "loss": loss})
    assert problem(runs, "high_loss").run_ids == ("1501",)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_budgets(n):
    assert problem(read(table(n)), "too_few_budgets")


def test_three_budgets_are_enough():
    assert "too_few_budgets" not in [p.code for p in read(table(3)).problems]


def test_coverage():
    params, budgets = [1e8, 2e8, 4e8], [1e18, 4e18, 1.6e19]
    rows = [(p, c) for c in budgets for p in params]
    losses = [3.0, 2.9, 3.1, 2.8, 2.7, 2.6, 2.5, 2.4, 2.45]
    runs = read(
        {
            "params": [p for p, _ in rows],
            "tokens": [c / (6 * p) for p, c in rows],
            "loss": losses,
        }
    )
    tiers = runs.coverage()
    assert tiers["runs"].to_list() == [3, 3, 3]
    assert tiers["best_params"].to_list() == [2e8, 4e8, 2e8]
    assert tiers["interior"].to_list() == [True, False, True]
    assert "best N inside the sizes tried in 2 of 3 tiers" in problem(runs, "coverage").message
    assert "1.2 decades" in problem(runs, "coverage").message


def test_loss_alone_with_one_variable():
    runs = read({"params": [1e8, 2e8, 4e8], "loss": [3.0, 2.8, 2.6]})
    points = runs.points()
    assert math.isnan(points.tokens[0])
    assert math.isnan(points.flop[0])
    assert points.tier.tolist() == [0, 1, 2]


def test_errors_come_first():
    runs = read(table(eval_set=["a", "b", "a", "a"], loss=[3.0, 2.9, math.nan, 2.8]))
    severities = [p.severity for p in runs.problems]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert severities[0] == "error"


def test_short_runs_and_single_layers_are_marked():
    table = {
        "params": [1e6, 2e6, 4e6, 8e6],
        "tokens": [1e8, 1e8, 2e8, 2e8],
        "loss": [3.0, 2.9, 2.8, 2.7],
        "steps": [299, 300, 600, 1200],
        "n_layers": [1, 1, 2, 2],
    }
    found = {problem.code: problem for problem in read(table).problems}
    assert found["short_runs"].message.startswith("1 run has fewer than 300 steps")
    assert len(found["short_runs"].run_ids) == 1
    assert found["one_layer"].message.startswith("2 runs have one layer")
    assert found["one_layer"].severity == "info"
    # What all runs share bends none of them away from the others.
    alike = {p.code for p in read(table | {"steps": [100] * 4, "n_layers": [1] * 4}).problems}
    assert not alike & {"short_runs", "one_layer"}
