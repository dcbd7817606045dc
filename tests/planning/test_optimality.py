"""Types of optimality and strategies: which limit binds, and what each gives away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.fitting import Fit
from isoloss.laws.compute import FlopRule
from isoloss.planning import optima, plan
from isoloss.planning.basis import basis_of
from isoloss.planning.hardware import Rate, get_device
from isoloss.planning.optimality import strategies
from isoloss.planning.optimality.frontier import Frontier
from isoloss.planning.published_allocations import ALLOCATIONS

RATE = Rate(get_device("h100"), 0.4, 2.0)
PER_HOUR = RATE.flop_per_device_hour


def test_the_first_row_is_the_plan(chinchilla_fit: Fit) -> None:
    made, table = plan(chinchilla_fit, 1e22), optima(chinchilla_fit, 1e22)
    first = table.rows[0]
    assert first.name == "compute-optimal"
    assert (first.n_params, first.tokens) == (made.n_params, made.tokens)
    # The plan's interval is of its own run; here each draw has the run that it finds best.
    assert first.loss.estimate == made.loss_mean.estimate
    assert first.regret.estimate == first.regret.hi == 0
    assert first.flop_needed.estimate == pytest.approx(1, rel=1e-12)
    assert len(table.not_asked) == 5


def test_nothing_that_keeps_to_the_budget_beats_the_optimum(chinchilla_fit: Fit) -> None:
    table = optima(
        chinchilla_fit,
        1e22,
        n_params="5B",
        tokens="100B",
        memory_bytes=1e10,
        train=RATE,
        deadline_days=10,
        devices=64,
        money="10k",
    )
    assert len(table.rows) > 15
    for row in table.rows:
        assert row.flop.estimate <= 1e22 * (1 + 1e-9)
        assert row.regret.lo >= 0, row.name
        assert row.regret.estimate <= row.regret.hi
        assert row.flop_needed.estimate <= 1 + 1e-9
    regrets = [row.regret.estimate for row in table.rows if row.kind == "strategy"]
    assert regrets == sorted(regrets)


def test_each_criterion_keeps_to_its_limit() -> None:
    table = optima(
        "chinchilla",
        1e24,
        key="epoch",
        n_params="70B",
        tokens="1T",
        memory_bytes=160e9,
        served="2T",
        deadline_days=20,
        devices=1000,
        money="1M",
        train=RATE,
    )
    data, size = table.row("data-optimal"), table.row("parameter-optimal (data)")
    assert data.n_params.estimate == 7e10
    assert data.tokens.estimate == pytest.approx(1e24 / 4.2e11)
    assert size.tokens.estimate == 1e12
    assert size.n_params.estimate == pytest.approx(1e12 / 6)
    given_ = table.row("as given")
    assert (given_.n_params.estimate, given_.tokens.estimate) == (7e10, 1e12)
    memory = table.row("parameter-optimal (memory)")
    assert memory.n_params.estimate == 8e10
    assert memory.binds == "memory"
    in_time = table.row("time-optimal")
    assert in_time.flop.estimate == pytest.approx(20 * 24 * 1000 * PER_HOUR)
    assert in_time.days is not None
    assert in_time.days.estimate == pytest.approx(20)
    assert in_time.binds == "deadline"
    money = table.row("money-optimal")
    assert money.money is not None
    assert money.money.estimate == pytest.approx(1e6)
    served = table.row("inference-optimal")
    assert served.lifetime_flop is not None
    assert table.rows[0].lifetime_flop is not None
    assert served.lifetime_flop.estimate == pytest.approx(table.rows[0].lifetime_flop.estimate)
    assert served.regret.estimate < 0  # the same lifetime buys a lower loss
    assert served.n_params.estimate < table.rows[0].n_params.estimate
    assert not table.not_asked


def test_limits_that_do_not_bind_change_nothing() -> None:
    table = optima(
        "chinchilla",
        1e22,
        key="epoch",
        memory_bytes=1e15,
        deadline_days=1e4,
        devices=1000,
        train=RATE,
        money=1e12,
    )
    best = table.rows[0].n_params.estimate
    for name in ("parameter-optimal (memory)", "time-optimal", "money-optimal"):
        row = table.row(name)
        assert row.binds == "budget"
        assert row.n_params.estimate == pytest.approx(best, rel=1e-9)


@settings(max_examples=20)
@given(st.lists(st.floats(1e18, 1e26), min_size=2, max_size=5))
def test_a_larger_budget_never_raises_the_loss(budgets: list[float]) -> None:
    losses = [optima("chinchilla", b, key="epoch").rows[0].loss.estimate for b in sorted(budgets)]
    assert np.all(np.diff(losses) <= 1e-12)


def test_closed_form_and_search_need_the_same_compute() -> None:
    searched = basis_of("gadre", key="c4")
    e, a, b, eta = searched.columns[:, 0]
    same = np.array([[e], [a * 6**-eta], [b * 6**-eta], [2 * eta], [2 * eta]])
    closed = basis_of("chinchilla")
    closed = type(closed)(closed.surface, same, None, closed.published)
    for ratio in (1.0, 4.0, 40.0, 300.0):
        n = np.array([np.sqrt(1e22 / (6 * ratio))])
        d = 1e22 / (6 * n)
        one, other = (
            Frontier(basis, 1e22).flop_needed(n, d, basis.loss(n, d))[0]
            for basis in (searched, closed)
        )
        assert one == pytest.approx(other, rel=1e-3)


def test_strategies_do_what_they_say() -> None:
    found = {one.name: one for one in strategies(6e23, FlopRule())}
    assert found["20 tokens per param"].params == pytest.approx(np.sqrt(6e23 / 120), rel=1e-9)
    gpt3 = found["ratio of GPT-3"]
    assert 1e23 / gpt3.params**2 == pytest.approx(300 / 175, rel=1e-9)
    kaplan = next(one for one in ALLOCATIONS if one.key == "kaplan")
    assert found["allocation kaplan"].params == kaplan.optimum(6e23)[0]
    assert found["nearest published model"].params == 70e9  # Chinchilla
    assert {f"allocation {one.key}" for one in ALLOCATIONS} < set(found)


def test_regret_by_hand(chinchilla_fit: Fit) -> None:
    row = optima(chinchilla_fit, 1e22).row("20 tokens per param")
    n = np.sqrt(1e22 / 120)
    theta = chinchilla_fit.draws.T
    e, a, b, alpha, beta = theta
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    best_n = g * (1e22 / 6) ** (beta / (alpha + beta))

    def loss(n: np.ndarray) -> np.ndarray:
        return e + a / n**alpha + b / (1e22 / (6 * n)) ** beta

    regret = loss(np.asarray(n)) / loss(best_n) - 1
    assert row.regret.hi == pytest.approx(np.quantile(regret, 0.95), rel=1e-6)
    assert row.n_params.lo == row.n_params.hi


def test_kaplans_allocation_costs_most_under_hoffmanns_data() -> None:
    table = optima("chinchilla", 1e24, key="epoch")
    rules = [row for row in table.rows if row.kind == "strategy"]
    assert rules[-1].name == "allocation kaplan"
    assert rules[-1].flop_needed.estimate < 0.3
    assert table.row("20 tokens per param").regret.estimate < 1e-4
    assert any(notice.code == "n_convention" for notice in table.notes)


@pytest.mark.parametrize(
    ("keywords", "binds"),
    [
        ({"n_params": "70B", "tokens": "5T"}, "budget"),
        ({"n_params": "70B", "memory_bytes": 80e9}, "memory"),
        (
            {
                "n_params": "70B",
                "tokens": "1T",
                "deadline_days": 1,
                "devices": 8,
                "train": RATE,
            },
            "deadline",
        ),
        ({"n_params": "70B", "tokens": "1T", "money": 10, "train": RATE}, "money"),
        ({"n_params": 1e25}, "budget"),
        ({"tokens": 1e24}, "budget"),
    ],
)
def test_contradictory_limits_name_the_one_that_binds(keywords: dict, binds: str) -> None:
    with pytest.raises(InputError) as error:
        optima("chinchilla", 1e24, key="epoch", **keywords)
    assert error.value.code == "contradictory_limits"
    assert error.value.where.field == binds
    assert f"the {binds} binds" in error.value.message


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"deadline_days": 3}, "missing_devices"),
        ({"deadline_days": 3, "devices": 8}, "missing_devices"),
        ({"money": 1e6}, "missing_price"),
        ({"n_params": -1.0}, "bad_quantity"),
        ({"deadline_days": -3.0, "devices": 8, "train": RATE}, "bad_limit"),
        ({"bytes_per_param": 0.0}, "bad_limit"),
    ],
)
def test_bad_input_is_explained(keywords: dict, code: str) -> None:
    with pytest.raises(InputError) as error:
        optima("chinchilla", 1e24, key="epoch", **keywords)
    assert error.value.code == code
    assert error.value.hint or code == "bad_limit"


def test_tables_and_pages(chinchilla_fit: Fit) -> None:
    table = optima(chinchilla_fit, 1e22, served="1T")
    frame = table.to_frame()
    assert frame.height == len(table.rows)
    assert {"name", "binds", "regret", "regret_lo", "regret_hi"} <= set(frame.columns)
    assert "strategies, scored by this law" in table.summary()
    assert table.card().command == "isoloss optima 1e22 --fit FIT.json --served 1T"
    with pytest.raises(KeyError):
        table.row("no such row")
