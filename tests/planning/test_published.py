"""The published laws side by side, and one at a time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.laws import list_laws
from isoloss.planning import Plan, PublishedPlans, plan_law, plan_published
from isoloss.planning.published_allocations import ALLOCATIONS

BY_KEY = {one.key: one for one in ALLOCATIONS}


@pytest.fixture(scope="module")
def gopher() -> PublishedPlans:
    return plan_published("5.76e23 FLOP")


def test_all_coefficients_in_size_and_data_are_there(gopher: PublishedPlans) -> None:
    listed = {(row.law, row.key) for row in gopher.rows}
    for law in list_laws():
        if {"N", "D"} <= set(law.variables):
            assert {(law.name, one.key) for one in law.published} <= listed
    assert {("allocation", one.key) for one in ALLOCATIONS} <= listed


def test_rows_keep_the_compute(gopher: PublishedPlans) -> None:
    for row in gopher.rows:
        if row.status != "no_minimum":
            assert 6 * row.n_params * row.tokens == pytest.approx(5.76e23, rel=1e-12)
            assert row.tokens_per_param == pytest.approx(row.tokens / row.n_params)


def test_the_law_without_a_minimum_is_in_the_table(gopher: PublishedPlans) -> None:
    (row,) = [row for row in gopher.rows if (row.law, row.key) == ("farseer", "eq15")]
    assert row.status == "no_minimum"
    assert np.isnan(row.n_params)
    assert "no interior minimum" in gopher.summary()


def test_units_and_distances_are_said(gopher: PublishedPlans) -> None:
    rows = {(row.law, row.key): row for row in gopher.rows}
    assert rows["farseer", "refit"].loss_unit == "bits/char"
    assert rows["kaplan", "kaplan"].n_convention == "nonemb"
    assert rows["chinchilla", "epoch"].outside["C"] == pytest.approx(44.3, rel=1e-2)
    assert "N 4.46x" in rows["chinchilla", "epoch"].distance
    assert rows["allocation", "kaplan"].distance == "not stated"
    near = {(row.law, row.key): row for row in plan_published(1e21).rows}
    assert near["chinchilla", "hoffmann"].distance == "inside"


def test_the_table_as_document_frame_and_page(gopher: PublishedPlans) -> None:
    written = json.loads(dumps(gopher.to_dict()))
    assert written["schema"] == "isoloss.published_plans"
    assert written["flop"] == 5.76e23
    assert len(written["plans"]) == len(gopher.rows) == gopher.to_frame().height
    assert gopher._repr_html_().count("<tr>") == len(gopher.rows) + 1
    assert all(row.key in str(gopher) for row in gopher.rows)
    assert written["warnings"][0]["code"] == "losses_differ"


def test_one_law_is_a_plan_without_intervals(tmp_path: Path) -> None:
    made = plan_law("chinchilla", "1e24", key="epoch")
    assert made.n_params.estimate == pytest.approx(95.9e9, rel=1e-3)
    assert np.isnan(made.n_params.lo)
    assert {"no_intervals", "outside_range"} <= {notice.code for notice in made.warnings}
    assert made.decades_beyond_data == pytest.approx(np.log10(1e24 / 1.3e22), abs=1e-2)
    document = made.to_dict()
    assert (document["seed"], document["data_hash"], document["n_runs"]) == (None, None, None)
    assert document["conventions"] == {"n": "total", "flop": "6nd", "loss_unit": "nats/token"}
    made.save(tmp_path / "plan.json")
    assert repr(Plan.load(tmp_path / "plan.json")) == repr(made)
    assert "Besiroglu" in made.summary()


def test_equation_15_is_refused_where_it_has_no_minimum() -> None:
    with pytest.raises(EvidenceError, match=r"farseer \(eq15\) has no interior minimum") as caught:
        plan_law("farseer", 1e23, key="eq15")
    assert caught.value.exit_code == 3
    local = plan_law("farseer", 1e21, key="eq15")
    assert local.status == "local"
    assert "local minimum" in local.status_message
    assert "local_minimum" in {notice.code for notice in local.warnings}


def test_unique_tokens_reach_the_law() -> None:
    free = plan_law("repetition", 9.3e21)
    scarce = plan_law("repetition", 9.3e21, unique_tokens="25B")
    assert scarce.n_params.estimate < free.n_params.estimate
    assert scarce.loss.estimate > free.loss.estimate


def test_what_cannot_be_planned() -> None:
    with pytest.raises(InputError, match="no published"):
        plan_law("coupled", 1e24)
    with pytest.raises(InputError, match="Known: hoffmann"):
        plan_law("chinchilla", 1e24, key="nobody")
    with pytest.raises(EvidenceError, match="weighs model size"):
        plan_law("kaplan-n", 1e24)
    with pytest.raises(InputError):
        plan_published("a lot")


@pytest.mark.parametrize(
    ("key", "flop", "params", "rel"),
    [
        ("hoffmann-approach-1", 1e21, 2.86e9, 2e-3),  # Hoffmann et al., appendix D.4
        ("kaplan", 1e21, 4.68e9, 2e-3),  # likewise, of Kaplan's rule
        ("hoffmann-approach-1", 1.21e20, 1e9, 5e-3),  # table 3
        ("hoffmann-approach-1", 1.27e26, 1e12, 5e-3),
        ("hoffmann-approach-2", 1.84e19, 4e8, 1e-2),  # table A3
        ("hoffmann-approach-2", 1.75e28, 1e13, 5e-3),
        ("llama-3", 3.8e25, 4.02e11, 0.04),  # the paper's own plan
    ],
)
def test_allocations_by_what_was_printed(key: str, flop: float, params: float, rel: float) -> None:
    assert BY_KEY[key].optimum(flop)[0] == pytest.approx(params, rel=rel)


@pytest.mark.parametrize(
    ("key", "prefactor", "exponent", "identity"),
    [
        ("deepseek", 5.8316, 0.4757, 1.0001),
        ("ling-dense", 15.2582, 0.4578, 0.9994),
        ("ling-moe", 5.2232, 0.4905, 1.0002),
    ],
)
def test_printed_tokens_follow_from_printed_flop_per_token(
    key: str, prefactor: float, exponent: float, identity: float
) -> None:
    flop = 1e21
    params, tokens = BY_KEY[key].optimum(flop)
    assert 6 * params * prefactor * flop**exponent / flop == pytest.approx(identity, abs=1e-4)
    assert tokens == pytest.approx(prefactor * flop**exponent, rel=1e-3)


def test_llama_tokens() -> None:
    assert BY_KEY["llama-3"].optimum(3.8e25)[1] == pytest.approx(1.63e13, rel=2e-3)
