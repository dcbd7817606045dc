"""Plans from fits: the document, the intervals, the refusals and what is said with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Fit, fit
from isoloss.laws import get_law, get_published
from isoloss.planning import Plan, plan
from isoloss.planning.plan import spread
from isoloss.runs import Runs, read

NUMBER = {"type": ["number", "null"]}
QUANTITY = {
    "type": "object",
    "required": ["estimate", "lo", "hi", "level"],
    "properties": {"estimate": {"type": "number"}, "lo": NUMBER, "hi": NUMBER},
}
NOTICES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string", "minLength": 10}},
    },
}
DOCUMENT = {
    "type": "object",
    "required": [
        *("schema", "version", "isoloss", "seed", "conventions", "data_hash", "n_runs"),
        *("flop", "n_params", "tokens", "tokens_per_param", "loss", "flat_region", "cost"),
        *("status", "warnings"),
    ],
    "properties": {
        "schema": {"const": "isoloss.plan"},
        "version": {"const": 1},
        "isoloss": {"type": "string"},
        "flop": {"type": "number"},
        **dict.fromkeys(("n_params", "tokens", "tokens_per_param", "loss", "loss_mean"), QUANTITY),
        "flat_region": {
            "type": "object",
            "required": ["within_loss", "n_params_lo", "n_params_hi"],
            "properties": {"within_loss": {"const": 0.002}},
        },
        "flat_regions": {"type": "array", "minItems": 2, "maxItems": 2},
        "cost": {"type": "null"},
        "conventions": {"type": "object", "required": ["n", "flop", "loss_unit"]},
        "status": {"enum": ["ok", "edge", "local", "several"]},
        "warnings": NOTICES,
        "notes": NOTICES,
    },
}


def codes(plan_: Plan) -> set[str]:
    return {notice.code for notice in plan_.warnings}


def document(plan_: Plan) -> dict[str, Any]:
    return json.loads(dumps(plan_.to_dict()))


def test_the_document_keeps_the_contract(chinchilla_fit: Fit) -> None:
    written = document(plan(chinchilla_fit, "1e22 FLOP"))
    jsonschema.validate(written, DOCUMENT)
    assert written["flop"] == 1e22
    assert written["n_runs"] == 42
    assert written["data_hash"] == chinchilla_fit.points.data_hash
    assert written["conventions"] == {"n": "total", "flop": "6nd", "loss_unit": "nats/token"}
    assert [r["within_loss"] for r in written["flat_regions"]] == [0.002, 0.005]


def test_the_numbers_belong_together(chinchilla_fit: Fit) -> None:
    made = plan(chinchilla_fit, 1e22)
    n, d = made.n_params.estimate, made.tokens.estimate
    assert 6 * n * d == pytest.approx(1e22, rel=1e-12)
    assert made.tokens_per_param.estimate == pytest.approx(d / n)
    for quantity in made.quantities.values():
        assert quantity.lo < quantity.estimate < quantity.hi
        assert quantity.level == 0.9
    expected = chinchilla_fit.predict({"N": n, "D": d})
    assert made.loss == expected.loss[0]
    assert made.loss_mean == expected.loss_mean[0]
    # One new run has the noise of a run on top of what the law is not sure of.
    assert made.loss.hi - made.loss.lo > made.loss_mean.hi - made.loss_mean.lo
    inner, outer = made.flat_regions
    assert outer.n_params_lo < inner.n_params_lo < n < inner.n_params_hi < outer.n_params_hi
    assert made.decades_beyond_data == pytest.approx(np.log10(1e22 / 3e20))


def test_the_truth_behind_the_sweep_is_inside(chinchilla_fit: Fit) -> None:
    made = plan(chinchilla_fit, 1e22)
    assert made.n_params.lo < 8.83e9 < made.n_params.hi  # epoch's law, by the closed form


@pytest.mark.parametrize("case", ["chinchilla_fit", "coupled_fit"])
def test_intervals_hold_the_draws_by_count(case: str, request: pytest.FixtureRequest) -> None:
    a_fit: Fit = request.getfixturevalue(case)
    made = plan(a_fit, 1e22)
    t = {name: a_fit.draws[:, i] for i, name in enumerate(a_fit.law.names)}
    alpha, beta = t["alpha"], t["beta"]
    g = (alpha * t["A"] / (beta * t["B"])) ** (1 / (alpha + beta))
    n = g * (1e22 / 6) ** (beta / (alpha + beta))
    inside = (n >= made.n_params.lo) & (n <= made.n_params.hi)
    assert inside.mean() == pytest.approx(0.9, abs=0.02)


def test_same_fit_same_digits(chinchilla_fit: Fit) -> None:
    assert plan(chinchilla_fit, 1e22) == plan(chinchilla_fit, 1e22)


def test_intervals_grow_with_the_distance(chinchilla_fit: Fit) -> None:
    widths = []
    for flop in (1e20, 1e22, 1e24, 1e26):
        n = plan(chinchilla_fit, flop).n_params
        widths.append(n.hi / n.lo)
    assert widths == sorted(widths)


def test_a_user_formula_is_planned_by_search(sweep: Callable[..., Runs]) -> None:
    runs = sweep()
    named = plan(fit(runs, ci="none"), 1e22)
    typed = plan(fit(runs, law="E + A*N**-alpha + B*D**-beta", ci="none"), 1e22)
    assert typed.n_params.estimate == pytest.approx(named.n_params.estimate, rel=1e-4)
    assert typed.status == "ok"


def test_a_plan_comes_back_without_loss(chinchilla_fit: Fit, bare_fit: Fit, tmp_path: Path) -> None:
    for a_fit in (chinchilla_fit, bare_fit):
        made = plan(a_fit, 1.2345e22)
        path = tmp_path / "plan.json"
        made.save(path)
        again = Plan.load(path)
        assert repr(again) == repr(made)  # NaN is not equal to itself
        assert again.to_dict().keys() == made.to_dict().keys()
        jsonschema.validate(json.loads(path.read_text()), DOCUMENT)


def test_open_ends_come_back_as_open(chinchilla_fit: Fit, tmp_path: Path) -> None:
    made = plan(chinchilla_fit, 1e22)
    opened = replace(made, n_params=replace(made.n_params, hi=np.inf))
    opened.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == opened
    assert document(opened)["n_params"]["hi"] is None
    assert "or more" in opened.summary()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "not_a_plan"),
        ("[]", "not_a_plan"),
        ('{"schema": "isoloss.fit"}', "not_a_plan"),
        ('{"schema": "isoloss.plan", "version": 9}', "not_a_plan"),
        ('{"schema": "isoloss.plan", "version": 1}', "damaged_plan"),
    ],
)
def test_what_is_not_a_plan_is_said_to_be_none(content: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"plan\.json") as caught:
        Plan.load(path)
    assert caught.value.code == code
    with pytest.raises(InputError, match="read"):
        Plan.load(tmp_path / "missing.json")


def test_text_and_table_say_what_matters(chinchilla_fit: Fit) -> None:
    made = plan(chinchilla_fit, 1e22)
    text = str(made)
    for part in ("1e22 FLOP", "C = 6 N D", "90% by tier", "flat region", "1.5 decades", "42 runs"):
        assert part in text
    for notice in (*made.warnings, *made.notes):
        assert notice.message in text
    html = made._repr_html_()
    assert html.count("<tr>") == 6
    frame = made.to_frame()
    assert frame["quantity"].to_list() == list(made.quantities)
    assert frame["estimate"][0] == made.n_params.estimate


def test_without_draws_there_are_no_intervals(bare_fit: Fit) -> None:
    made = plan(bare_fit, 1e22)
    assert "no_intervals" in codes(made)
    assert np.isnan(made.n_params.lo)
    assert made.ci == "none"
    assert document(made)["n_params"]["lo"] is None
    assert "no interval" in made.summary()


def test_inside_the_data_nothing_is_extrapolated(chinchilla_fit: Fit) -> None:
    near, far = plan(chinchilla_fit, 1e20), plan(chinchilla_fit, 1e23)
    assert near.decades_beyond_data == 0
    assert "extrapolation" not in codes(near)
    assert "extrapolation" in codes(far)


def test_other_flop_than_six_nd_are_pointed_out(sweep: Callable[..., Runs]) -> None:
    a_fit = fit(sweep(flop_factor=1.2), ci="none")
    plain = plan(a_fit, 1e22)
    (notice,) = [n for n in plain.warnings if n.code == "flop_convention"]
    assert "1.20" in notice.message
    counted = plan(a_fit, 1e22, flop_per_token="runs")
    assert "flop_convention" not in codes(counted)
    assert counted.conventions["flop"] == "given"
    # The factor dies out beyond the runs, so that less than a sixth of the compute is lost.
    bought = 6 * counted.n_params.estimate * counted.tokens.estimate
    assert 1e22 / 1.2 < bought < 1e22


def test_small_differences_of_flop_are_not_worth_a_word(sweep: Callable[..., Runs]) -> None:
    assert "flop_convention" not in codes(plan(fit(sweep(flop_factor=1.03), ci="none"), 1e22))


def test_two_budgets_are_not_enough(sweep: Callable[..., Runs]) -> None:
    a_fit = fit(sweep(budgets=(1e18, 1e19), sizes=12), ci="run", draws=20)
    with pytest.raises(EvidenceError, match="2 compute tier") as caught:
        plan(a_fit, 1e22)
    assert caught.value.code == "too_few_budgets"
    assert caught.value.exit_code == 3
    assert "factor of three" in (caught.value.hint or "")


def test_three_budgets_are_enough_with_a_note(sweep: Callable[..., Runs]) -> None:
    made = plan(fit(sweep(budgets=(1e18, 1e19, 1e20), sizes=10), draws=50), 1e21)
    assert "few_tiers" in {note.code for note in made.notes}


@pytest.mark.parametrize("status", ["not_identified", "failed"])
def test_a_fit_that_does_not_hold_carries_no_plan(chinchilla_fit: Fit, status: str) -> None:
    bad = replace(chinchilla_fit, status=status, status_message="E is not fixed; fix it.")
    with pytest.raises(EvidenceError, match="E is not fixed") as caught:
        plan(bad, 1e22)
    assert caught.value.code == status


def test_an_edge_is_a_warning(chinchilla_fit: Fit) -> None:
    made = plan(replace(chinchilla_fit, status="edge", status_message="E ran to zero."), 1e22)
    assert made.status == "edge"
    assert "edge" in codes(made)


def test_a_law_without_size_or_data_is_refused(sweep: Callable[..., Runs]) -> None:
    with pytest.raises(EvidenceError, match="weighs model size"):
        plan(fit(sweep(), law="floor-n", ci="none"), 1e22)


def test_a_fit_without_interior_minimum_is_refused(chinchilla_fit: Fit) -> None:
    useless = replace(chinchilla_fit, estimate={**chinchilla_fit.estimate, "alpha": 0.0})
    with pytest.raises(EvidenceError, match="no interior minimum") as caught:
        plan(useless, 1e22)
    assert caught.value.code == "no_interior_minimum"


def with_flat_draws(a_fit: Fit, share: float) -> Fit:
    """A fit of whose draws a share have no use for data, hence no optimum."""
    draws = a_fit.draws.copy()
    draws[: int(share * len(draws)), a_fit.law.names.index("beta")] = 0.0
    return replace(a_fit, draws=draws)


def test_draws_without_optimum_open_the_interval(chinchilla_fit: Fit) -> None:
    whole = plan(chinchilla_fit, 1e22)
    few = plan(with_flat_draws(chinchilla_fit, 0.03), 1e22)
    assert "draws_without_minimum" not in codes(few)
    assert whole.n_params.hi <= few.n_params.hi < np.inf
    some = plan(with_flat_draws(chinchilla_fit, 0.2), 1e22)
    assert "draws_without_minimum" in codes(some)
    assert some.n_params.hi == np.inf
    assert some.tokens.lo == 0.0
    assert "or less" in some.summary()
    with pytest.raises(EvidenceError, match="60% of the draws"):
        plan(with_flat_draws(chinchilla_fit, 0.6), 1e22)


def test_intervals_of_infinite_draws() -> None:
    draws = np.array([1.0, 2.0, 3.0, 4.0, np.inf])
    # The quantiles 0.05 and 0.95 of five draws lie 0.2 of a step from the ends.
    assert (spread(2.0, draws, 0.9).lo, spread(2.0, draws, 0.9).hi) == (1.2, np.inf)
    assert spread(2.0, draws, 0.5).hi == 4.0
    assert spread(2.0, 1 / draws, 0.9).lo == pytest.approx(0.05)
    assert np.isnan(spread(2.0, draws[:0], 0.9).lo)


def test_which_parameter_decides_the_optimum(chinchilla_fit: Fit) -> None:
    (note,) = [n for n in plan(chinchilla_fit, 1e22).notes if n.code == "dominant_parameter"]
    assert "%" in note.message
    # With everything else held, alpha alone moves N*.
    draws = np.repeat(chinchilla_fit.theta[None], 50, axis=0)
    draws[:, chinchilla_fit.law.names.index("alpha")] += np.linspace(-0.01, 0.01, 50)
    only = plan(replace(chinchilla_fit, draws=draws), 1e22)
    (note,) = [n for n in only.notes if n.code == "dominant_parameter"]
    assert "goes with alpha (100%" in note.message


def test_repeated_data_need_a_law_of_repetition(chinchilla_fit: Fit) -> None:
    made = plan(chinchilla_fit, 1e22, unique_tokens="10B")
    (notice,) = [n for n in made.warnings if n.code == "repetition_ignored"]
    assert "10B tokens 19" in notice.message or "10B tokens 20" in notice.message
    assert "repetition_ignored" not in codes(plan(chinchilla_fit, 1e22, unique_tokens="10T"))


def test_a_law_of_repetition_uses_the_unique_tokens() -> None:
    rng = np.random.default_rng(3)
    flop = np.repeat([1e18, 1e19, 1e20], 21)
    params = np.sqrt(flop / 120) * np.tile(np.geomspace(0.2, 5, 7), 9)
    tokens = flop / (6 * params)
    unique = tokens / np.tile(np.repeat([1.0, 6.0, 40.0], 7), 3)
    law = get_law("repetition")
    x = {"N": params, "D": tokens, "U": unique}
    loss = law.value(get_published("repetition").values, x) * np.exp(rng.normal(0, 1e-3, len(flop)))
    runs = read({"n_total": params, "tokens": tokens, "unique_tokens": unique, "loss": loss})
    held = {k: v for k, v in get_published("repetition").values.items() if k in ("E", "alpha")}
    a_fit = fit(runs, law="repetition", fixed=held, ci="none")
    free, scarce = plan(a_fit, 1e22), plan(a_fit, 1e22, unique_tokens=2e10)
    assert "unique_tokens" in {n.code for n in free.notes}
    assert scarce.n_params.estimate < free.n_params.estimate
    assert scarce.loss.estimate > free.loss.estimate
    assert scarce.epochs == pytest.approx(scarce.tokens.estimate / 2e10)
    assert f"{scarce.epochs:.3g} epochs" in scarce.summary()
    assert free.epochs is None


@pytest.mark.parametrize("flop", ["12 hours", "-1", 0.0, float("nan"), "1E"])
def test_bad_budgets(chinchilla_fit: Fit, flop: str | float) -> None:
    with pytest.raises(InputError):
        plan(chinchilla_fit, flop)


def test_the_published_runs_at_1e24(published_data: Path) -> None:
    """The optimum of the fit of check 45: N 97.2B, D 1.715T at 1e24 FLOP."""
    runs = read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    made = plan(fit(runs, ci="none"), 1e24)
    assert made.n_params.estimate == pytest.approx(97.18e9, rel=1e-3)
    assert made.tokens.estimate == pytest.approx(1.7150e12, rel=1e-3)
    assert made.loss.estimate == pytest.approx(1.95922, abs=1e-4)
    flat, wider = made.flat_regions
    assert flat.n_params_lo == pytest.approx(50.3e9, rel=5e-3)
    assert flat.n_params_hi == pytest.approx(187e9, rel=5e-3)
    assert wider.n_params_lo == pytest.approx(34.4e9, rel=5e-3)
    assert wider.n_params_hi == pytest.approx(272e9, rel=5e-3)
