"""What repeated tokens are worth: the published digits, limits, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import fit
from isoloss.planning.data import epoch_table, geometric_worth, worth

PUBLISHED = 15.387756


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(2, 1.9682), (4, 3.7257), (8, 6.6241), (16, 10.582), (40, 15.167), (math.inf, 16.388)],
)
def test_worth_of_epochs_by_digits(epochs, expected):
    unit = 10.0 ** -(len(f"{expected}".partition(".")[2]))
    assert float(worth(epochs, PUBLISHED)) == pytest.approx(expected, abs=0.51 * unit)


def test_geometric_and_exponential_decay_by_digits():
    """A quarter lost per epoch, five epochs: 3.05 and 3.21 in the paper."""
    assert float(geometric_worth(5, 0.25)) == pytest.approx(3.0508, abs=5e-5)
    assert float(worth(5, (1 - 0.25) / 0.25)) == pytest.approx(3.2092, abs=5e-5)


def test_table_by_the_published_law():
    table = epoch_table("repetition")
    rows = {row.epochs: row for row in table.rows}
    assert rows[4.0].worth.estimate == pytest.approx(3.7257, abs=5e-5)
    assert rows[4.0].share.estimate == pytest.approx(0.931, abs=5e-4)
    assert rows[1.0].next_token.estimate == 1.0
    assert rows[math.inf].worth.estimate == pytest.approx(1 + PUBLISHED)
    assert rows[math.inf].share.estimate == 0.0
    assert {notice.code for notice in table.warnings} == {"no_intervals", "half_life_not_fixed"}
    assert "3.726" in table.summary()


def test_losses_and_verdicts_where_size_and_tokens_are_given():
    table = epoch_table("repetition", epochs=(1, 44), n_params="2.81B", unique_tokens="1.25B")
    assert table.rows[1].loss_mean.estimate == pytest.approx(2.7012, abs=5e-5)  # logged: 3.4228
    assert [row.trust for row in table.rows] == ["warn", "refuse"]
    assert table.rows[1].tokens == 55e9
    assert table.rows[1].flop == 6 * 2.81e9 * 55e9


@given(st.floats(1, 1e3), st.floats(0.1, 1e3), st.floats(1, 10))
def test_more_epochs_never_lose_and_a_repeated_token_is_never_better_than_new(epochs, half, more):
    here, there = float(worth(epochs, half)), float(worth(epochs * more, half))
    assert here <= there * (1 + 1e-12)
    assert here <= epochs * (1 + 1e-12)
    assert there <= 1 + half + 1e-9


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"epochs": (0.5,)}, "bad_epochs"),
        ({"epochs": (float("nan"),)}, "bad_epochs"),
        ({"epochs": ()}, "bad_epochs"),
        ({"n_params": "1B"}, "missing_argument"),
        ({"unique_tokens": "1B"}, "missing_argument"),
        ({"n_params": "-1B", "unique_tokens": "1B"}, "bad_quantity"),
        ({"key": "nobody"}, "unknown_published"),
        ({"flop_per_token": "runs"}, "conflicting_options"),
    ],
)
def test_bad_input(options, code):
    with pytest.raises(InputError) as caught:
        epoch_table("repetition", **options)
    assert caught.value.code == code


def test_laws_and_runs_without_repetition_are_refused(chinchilla_fit, sweep):
    with pytest.raises(EvidenceError) as caught:
        epoch_table(chinchilla_fit)
    assert caught.value.code == "law_without_unique_tokens"
    once = fit(sweep(), "repetition", ci="none")
    with pytest.raises(EvidenceError) as caught:
        epoch_table(once)
    assert caught.value.code == "no_repetition"


def test_worth_by_a_law_without_effective_tokens_is_at_equal_loss(lovelace_fit):
    table = epoch_table(lovelace_fit, epochs=(1, 4, 16), n_params="1B", unique_tokens="5B")
    law, theta = lovelace_fit.law, lovelace_fit.theta
    for row in table.rows:
        new = row.worth.estimate * 5e9
        repeated = law.value(theta, {"N": 1e9, "D": row.tokens, "U": 5e9})
        assert float(law.value(theta, {"N": 1e9, "D": new, "U": new})) == pytest.approx(
            float(repeated), rel=1e-9
        )
    with pytest.raises(InputError, match="depends on size"):
        epoch_table(lovelace_fit)
    assert np.isnan(
        epoch_table(lovelace_fit, epochs=(math.inf,), n_params=1e9, unique_tokens=5e9)
        .rows[0]
        .worth.estimate
    )
