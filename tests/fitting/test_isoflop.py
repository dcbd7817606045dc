"""Approach 2: certified bias of the parabola, no bias of slices, flags, intervals, real sweeps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting import Allocation, isoflop, isoflop_refits
from isoloss.fitting.frontier import Optima, through
from isoloss.fitting.isoflop_curves import SHAPES, fit_curves
from isoloss.fitting.isoflop_profile import profile, relative
from tests.fitting.sweeps import ASYMMETRIC, HOFFMANN, SYMMETRIC, Surface, isoflop_sweep

TARGET = 1e24

# arXiv 2603.22339: parabolas on surfaces without noise, 5 budgets 1e17 to 1e21, 15 sizes each;
# relative error of D* at 1e24 FLOP in percent.
PARABOLA_BIAS = [
    *((HOFFMANN, factor, bias) for factor, bias in ((2, 0.33), (4, 1.30), (8, 2.90), (16, 5.10))),
    *(
        (ASYMMETRIC, factor, bias)
        for factor, bias in ((2, 1.67), (4, 6.50), (8, 13.91), (16, 23.12))
    ),
]


def tokens_error(surface: Surface, shape: str, **design) -> float:
    """Relative error of D* at the target, in percent."""
    found = isoflop(isoflop_sweep(surface, **design), shape=shape, within=None, ci="none")
    return 100 * (found.at(TARGET).tokens.estimate / float(surface.best_tokens(TARGET)) - 1)


def test_the_certified_surface_has_its_certified_optimum():
    assert float(HOFFMANN.best_tokens(TARGET)) == pytest.approx(4.04e12, rel=2e-3)
    assert float(SYMMETRIC.best_tokens(TARGET)) / 1e9 == pytest.approx(415.2, abs=0.1)


@pytest.mark.parametrize(("surface", "factor", "bias"), PARABOLA_BIAS)
def test_parabola_has_its_published_bias(surface, factor, bias):
    assert tokens_error(surface, "parabola", factor=factor) == pytest.approx(-bias, abs=0.006)


@pytest.mark.parametrize(("surface", "factor", "_bias"), PARABOLA_BIAS)
def test_slices_have_none(surface, factor, _bias):
    assert abs(tokens_error(surface, "slices", factor=factor)) < 1e-4


@pytest.mark.parametrize("surface", [HOFFMANN, ASYMMETRIC])
@pytest.mark.parametrize("off", [1 / 3, 3.0])
def test_slices_have_none_off_centre_where_the_others_do(surface, off):
    errors = [abs(tokens_error(surface, shape, factor=16, off=off)) for shape in SHAPES]
    slices, cubic, parabola = errors
    assert slices < 1e-3
    assert max(cubic, parabola) > 2.0


def test_parabola_is_exact_on_a_symmetric_surface():
    assert abs(tokens_error(SYMMETRIC, "parabola", factor=16)) < 1e-6


def test_parabola_bias_is_reported_at_a_target_and_in_a_notice():
    points = isoflop_sweep(ASYMMETRIC, factor=8)
    for shape in ("parabola", "slices"):
        found = isoflop(points, shape=shape, ci="none")
        # 13.91 % too few tokens at the same compute are this many parameters too many.
        assert found.parabola_bias(TARGET) == pytest.approx(1 / (1 - 0.1391) - 1, abs=1e-4)
    codes = {notice.code for notice in isoflop(points, shape="parabola", ci="none").warnings}
    assert "parabola_bias" in codes


@settings(max_examples=15)
@given(
    alpha=st.floats(0.15, 0.7),
    beta=st.floats(0.15, 0.7),
    power=st.floats(0.9, 1.1),
    spread=st.floats(0.0, 0.3),
    factor=st.floats(3.0, 16.0),
)
def test_slices_find_any_additive_surface(alpha, beta, power, spread, factor):
    """Also where FLOP per token are not 6 N, and where compute varies within a budget."""
    surface = Surface(alpha, beta, power=power)
    points = isoflop_sweep(surface, sizes=9, factor=factor, spread=spread)
    found = isoflop(points, ci="none", within=None)
    for optimum in found.optima:
        assert optimum.n_params.estimate == pytest.approx(
            float(surface.best_size(optimum.flop)), rel=1e-3
        )
        assert optimum.tokens.estimate == pytest.approx(
            float(surface.best_tokens(optimum.flop)), rel=1e-3
        )
    assert found.n_opt.exponent.estimate == pytest.approx(surface.exponent, abs=1e-3)


def test_units_of_n_and_loss_do_not_matter():
    points = isoflop_sweep(noise=0.003, sizes=7)
    base = isoflop(points, ci="none")
    bits = isoflop(points.__class__(**{**vars(points), "loss": points.loss / np.log(2)}), ci="none")
    assert bits.at(TARGET).n_params.estimate == pytest.approx(
        base.at(TARGET).n_params.estimate, rel=1e-6
    )


def test_order_of_runs_does_not_matter_and_the_seed_fixes_every_digit():
    points = isoflop_sweep(noise=0.003, sizes=7)
    one = isoflop(points, draws=50, seed=3)
    again = isoflop(points, draws=50, seed=3)
    assert np.array_equal(one.draws, again.draws)
    assert not np.array_equal(one.draws, isoflop(points, draws=50, seed=4).draws)
    shuffled = points.take(np.random.default_rng(0).permutation(len(points)))
    other = isoflop(shuffled, ci="none")
    assert other.n_opt.exponent.estimate == pytest.approx(one.n_opt.exponent.estimate, abs=1e-8)


def test_budgets_that_one_digit_would_merge_stay_apart():
    budgets = np.array([1.5e19, 2.4e19, 6e19, 1.5e20])
    found = isoflop(isoflop_sweep(budgets=budgets), ci="none")
    assert [optimum.flop for optimum in found.optima] == pytest.approx(budgets)
    retiered = isoflop(isoflop_sweep(budgets=budgets), tolerance=0.2, ci="none")
    assert [optimum.flop for optimum in retiered.optima] == pytest.approx(budgets)


def test_a_parabola_that_opens_downward_is_no_optimum():
    points = isoflop_sweep(factor=8)
    loss = points.loss.copy()
    last = points.tier == 4
    loss[last] = 2 * loss[last].max() - loss[last]
    bent = points.__class__(**{**vars(points), "loss": loss})
    found = isoflop(bent, shape="parabola", ci="none", within=None)
    wrong = found.optima[4]
    assert (wrong.used, wrong.interior, wrong.curvature) == (False, False, -1)
    assert np.isnan(wrong.n_params.estimate)
    assert found.status == "edge"
    assert any(notice.code == "budgets_left_out" for notice in found.warnings)
    assert len(found.used) == 4


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("off", "edge"), [(20.0, "smallest"), (1 / 20, "largest")])
def test_a_minimum_outside_the_sizes_is_no_optimum(shape, off, edge):
    off = np.array([1.0, 1.0, 1.0, off, 1.0])
    found = isoflop(isoflop_sweep(factor=6, off=off), shape=shape, ci="none", within=None)
    wrong = found.optima[3]
    assert (wrong.used, wrong.interior, wrong.bracketed, wrong.edge) == (False, False, False, edge)
    others = [optimum for g, optimum in enumerate(found.optima) if g != 3]
    assert all(optimum.used and optimum.bracketed for optimum in others)


def test_two_budgets_are_not_enough():
    with pytest.raises(EvidenceError, match="at least 3") as caught:
        isoflop(isoflop_sweep(budgets=[1e19, 1e21]))
    assert (caught.value.exit_code, caught.value.code) == (3, "few_budgets")


def test_three_budgets_of_which_one_has_no_minimum_are_not_enough():
    points = isoflop_sweep(budgets=[1e19, 1e20, 1e21], factor=6, off=np.array([1.0, 20.0, 1.0]))
    with pytest.raises(EvidenceError, match=r"1e\+20 FLOP: .*smallest size") as caught:
        isoflop(points, within=None)
    assert caught.value.code == "few_budgets"


def test_sizes_too_few_for_the_curves_are_refused():
    points = isoflop_sweep(budgets=[1e19, 1e20, 1e21], sizes=3)
    with pytest.raises(EvidenceError) as caught:
        isoflop(points)
    assert caught.value.code == "few_sizes"
    found = isoflop(points, shape="parabola")
    assert np.isnan(found.n_opt.exponent.lo)
    assert {"no_spare_runs", "few_budgets"} <= {notice.code for notice in found.warnings}


def test_a_budget_of_two_sizes_is_listed_but_not_used():
    points = isoflop_sweep(factor=4, sizes=7)
    keep = (points.tier != 2) | (np.arange(len(points)) % 7 < 2)
    found = isoflop(points.take(keep), ci="none")
    assert found.optima[2].note.startswith("2 sizes")
    assert not found.optima[2].used


def test_sizes_far_off_the_best_are_left_out_unless_asked_for():
    points = isoflop_sweep(factor=40.0)
    found = isoflop(points, ci="none")
    assert any(notice.code == "far_sizes" for notice in found.warnings)
    assert found.n_runs < len(points) == isoflop(points, ci="none", within=None).n_runs


def test_outlying_runs_are_named():
    points = isoflop_sweep(noise=0.001, sizes=9)
    loss = points.loss.copy()
    loss[4] *= 1.03
    spoiled = points.__class__(**{**vars(points), "loss": loss})
    notices = {notice.code: notice.message for notice in isoflop(spoiled, ci="none").warnings}
    assert "run-4 (" in notices["outlying_runs"]


@pytest.mark.parametrize("shape", SHAPES)
def test_linear_variances_agree_with_simulation(shape):
    points = isoflop_sweep(sizes=9)
    profiles = [
        profile(
            np.flatnonzero(points.tier == t), points.params, points.tokens, points.flop, points.loss
        )
        for t in range(5)
    ]
    losses = relative(profiles, points.loss)
    curves = fit_curves(profiles, losses[None], shape)
    noise = 3e-4 * np.random.default_rng(1).standard_normal((3000, len(points)))
    drawn = fit_curves(profiles, curves.fitted[0] + noise, shape).log_n
    assert np.sqrt(np.diag(curves.covariance)) * 3e-4 == pytest.approx(drawn.std(axis=0), rel=0.06)
    assert np.cov(drawn.T)[0, 4] / 9e-8 == pytest.approx(
        curves.covariance[0, 4], abs=0.06 * curves.covariance[0, 0]
    )


def test_a_vague_budget_hardly_moves_the_line():
    log_c = np.log([1e18, 1e19, 1e20, 1e21])
    log_n = 0.5 * log_c
    log_n[3] += 2.0
    own = np.array([1e-4, 1e-4, 1e-4, 4.0])
    none = np.empty((0, 4))
    found = through(Optima(log_c, log_n, -log_n, np.diag(own), own), none, none, seed=0)
    assert found.line[1] == pytest.approx(0.5, abs=0.01)
    assert found.scatter == 0


def test_scatter_beyond_the_noise_is_found():
    rng = np.random.default_rng(0)
    log_c = np.linspace(40, 50, 60)
    own = np.full(60, 1e-4)
    log_n = 0.5 * log_c + 0.01 * rng.standard_normal(60) + 0.05 * rng.standard_normal(60)
    none = np.empty((0, 60))
    found = through(Optima(log_c, log_n, -log_n, np.diag(own), own), none, none, seed=0)
    assert found.scatter == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize("surface", [HOFFMANN, ASYMMETRIC])
def test_nominal_90_percent_intervals_cover(surface: Surface):
    """A short version of benchmarks/isoflop.py."""
    budgets = np.logspace(18, 21, 5)
    best = surface.best_size(budgets)
    sizes: list[bool] = []
    exponents: list[bool] = []
    targets: list[bool] = []
    for seed in range(40):
        points = isoflop_sweep(surface, budgets=budgets, sizes=8, factor=6, noise=0.003, seed=seed)
        found = isoflop(points, draws=150)
        sizes += [
            o.n_params.lo <= n <= o.n_params.hi for o, n in zip(found.optima, best, strict=True)
        ]
        exponents.append(found.n_opt.exponent.lo <= surface.exponent <= found.n_opt.exponent.hi)
        at = found.at(TARGET).n_params
        targets.append(bool(at.lo <= surface.best_size(TARGET) <= at.hi))
    assert 0.83 <= np.mean(sizes) <= 0.96
    assert np.mean(exponents) >= 0.82
    assert np.mean(targets) >= 0.82


def test_wider_level_gives_wider_intervals_that_hold_the_estimate():
    points = isoflop_sweep(noise=0.003, sizes=7)
    narrow, wide = (isoflop(points, draws=200, level=level) for level in (0.5, 0.95))
    for one, two in zip(narrow.optima, wide.optima, strict=True):
        a, b = one.n_params, two.n_params
        assert b.lo <= a.lo <= a.estimate <= a.hi <= b.hi


def test_resampling_by_a_column():
    points = isoflop_sweep(noise=0.003, sizes=7, factor=4)
    size = np.tile(np.arange(7.0), 5)
    points = points.__class__(**{**vars(points), "columns": {"family": size}})
    found = isoflop(points, ci="column:family", draws=100)
    assert found.ci == "column:family"
    assert found.n_opt.exponent.lo < found.n_opt.exponent.hi
    with pytest.raises(InputError, match="familie"):
        isoflop(points, ci="column:familie")


def test_many_runs_are_answered_by_their_linear_parts():
    """With many runs minima are moved, not refitted: the same intervals in less time."""
    points = isoflop_sweep(noise=0.003, sizes=90, factor=6)
    size = np.tile(np.arange(90.0), 5)
    points = points.__class__(**{**vars(points), "columns": {"family": size}})
    assert len(points) < isoflop_refits.MOST_RUNS
    for ci in ("run", "column:family"):
        with pytest.MonkeyPatch.context() as patched:
            found = isoflop(points, ci=ci, draws=400)
            patched.setattr(isoflop_refits, "MOST_RUNS", 10)
            linear = isoflop(points, ci=ci, draws=400)
        for one, two in zip(found.optima, linear.optima, strict=True):
            for name in ("n_params", "tokens", "loss"):
                a, b = one.quantities[name], two.quantities[name]
                assert b.estimate == a.estimate
                assert np.log(b.hi / b.lo) == pytest.approx(np.log(a.hi / a.lo), rel=0.2)


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_losses_have_no_minimum(shape: str):
    points = isoflop_sweep()
    flat = points.__class__(**{**vars(points), "loss": np.full(len(points), 2.0)})
    with pytest.raises(EvidenceError) as caught:
        isoflop(flat, shape=shape)
    assert caught.value.code == "few_budgets"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"shape": "quartic"}, "bad_shape"),
        ({"ci": "tier"}, "bad_ci"),
        ({"draws": 0}, "bad_draws"),
        ({"level": 90}, "bad_level"),
        ({"tolerance": 0}, "bad_tolerance"),
        ({"within": 1.0}, "bad_within"),
    ],
)
def test_bad_options_are_named(options, code):
    with pytest.raises(InputError) as caught:
        isoflop(isoflop_sweep(), **options)
    assert caught.value.code == code
    assert caught.value.where.field == next(iter(options))


def test_missing_tokens_are_named():
    points = isoflop_sweep()
    bare = points.__class__(**{**vars(points), "tokens": np.full(len(points), np.nan)})
    with pytest.raises(InputError, match="tokens"):
        isoflop(bare)


def test_small_ladder_has_its_known_minima():
    """training notes of the ladder: parabola through the best learning rates."""
    runs = iso.datasets.small_ladder().where("study IN ('ladder', 'ci')")
    found = isoflop(runs, shape="parabola", best_of="lr", draws=200)
    by_flop = {round(o.flop / 1e10): o.n_params.estimate for o in found.optima}
    for flop, known in ((3, 11_600), (10, 22_400), (30, 38_500), (100, 71_800)):
        assert by_flop[flop] == pytest.approx(known, rel=0.11)
    assert found.n_opt.exponent.estimate == pytest.approx(0.504, abs=0.02)
    assert found.n_opt.exponent.lo < 0.504 < found.n_opt.exponent.hi
    assert found.status == "ok"


def test_several_learning_rates_are_noticed_and_the_best_one_counts():
    runs = iso.datasets.small_ladder().where("study = 'ladder'")
    every = isoflop(runs, ci="none")
    assert any(notice.code == "competing_settings" for notice in every.warnings)
    by_rate = isoflop(runs, best_of="lr", ci="none")
    single = isoflop(runs, best_of=("lr", "seed"), ci="none")
    assert every.n_runs > by_rate.n_runs > single.n_runs
    assert all(notice.code != "competing_settings" for notice in by_rate.warnings)
    cells = {(o.flop, o.n_sizes) for o in single.optima}
    assert single.n_runs == sum(sizes for _, sizes in cells)
    with pytest.raises(InputError, match="learning"):
        isoflop(runs, best_of="learning")


def test_porian_groups_have_their_published_exponents(published_data: Path):
    notes = (published_data / "porian_isoflops.md").read_text(encoding="utf-8")
    published = {group: float(a) for group, a in re.findall(r"- (\S+): N_opt ~ C\^([\d.]+)", notes)}
    runs = iso.read(published_data / "porian_isoflops.csv")
    errors: list[float] = []
    for group, exponent in published.items():
        found = isoflop(runs.where(f"\"group\" = '{group}'"), ci="none")
        errors.append(found.n_opt.exponent.estimate - exponent)
    assert len(errors) == 15
    assert np.max(np.abs(errors)) < 0.045
    assert np.sqrt(np.mean(np.square(errors))) < 0.025


def test_an_allocation_is_saved_and_read_without_loss(tmp_path: Path):
    points = isoflop_sweep(noise=0.003, sizes=7, off=np.array([1.0, 1.0, 30.0, 1.0, 1.0]))
    found = isoflop(points, draws=60, within=None)
    found.save(tmp_path / "a.json")
    again = Allocation.load(tmp_path / "a.json")
    assert again.to_dict() | {"optima": 0} == found.to_dict() | {"optima": 0}
    assert repr(again.optima) == repr(found.optima)
    assert np.array_equal(again.draws, found.draws)
    assert again.at(TARGET) == found.at(TARGET)
    assert again.parabola_bias(TARGET) == found.parabola_bias(TARGET)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "not_an_allocation"),
        ('{"schema": "isoloss.fit", "version": 1}', "not_an_allocation"),
        ('{"schema": "isoloss.allocation", "version": 2}', "not_an_allocation"),
        ('{"schema": "isoloss.allocation", "version": 1, "state": {}}', "damaged_allocation"),
    ],
)
def test_a_file_that_holds_no_allocation_is_refused(tmp_path: Path, text: str, code: str):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Allocation.load(path)
    assert caught.value.code == code
    with pytest.raises(InputError, match="cannot be read"):
        Allocation.load(tmp_path / "none.json")


def test_the_document_and_the_table_hold_what_is_needed():
    found = isoflop(isoflop_sweep(noise=0.003, sizes=7), draws=50)
    document = found.to_dict()
    assert document["schema"] == "isoloss.allocation"
    assert {"isoloss", "version", "seed", "conventions", "data_hash", "n_runs"} <= set(document)
    assert set(document["exponents"]) == {"n_opt", "d_opt"}
    assert set(document["n_opt"]["exponent"]) == {"estimate", "lo", "hi", "level"}
    frame = found.to_frame()
    assert frame.height == 5
    assert {"flop", "n_params", "n_params_lo", "used", "bracketed", "edge"} <= set(frame.columns)
    text = found.summary()
    assert "N* ~ C^" in text
    assert "<table>" in found._repr_html_()


def test_splits_at_a_budget():
    found = isoflop(isoflop_sweep(noise=0.003, sizes=7), draws=100)
    split = found.at(1e23)
    assert split.n_params.lo < split.n_params.estimate < split.n_params.hi
    assert split.tokens_per_param.estimate == pytest.approx(
        split.tokens.estimate / split.n_params.estimate
    )
    assert 6 * split.n_params.estimate * split.tokens.estimate == pytest.approx(1e23, rel=1e-6)
    assert split.decades_beyond_data == pytest.approx(2.0)
    assert found.at(1e18).decades_beyond_data == 0
    with pytest.raises(InputError, match="positive"):
        found.at(-1.0)
