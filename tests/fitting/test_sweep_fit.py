"""Learning rate and batch from a sweep: truth, symmetries, edges, refusals, storage."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting.sweeps import SweepFit, fit_sweep
from isoloss.fitting.sweeps.surface import Quadratic
from tests.fitting.lr_batch import CURVATURE, LAW, changed, joined, law_at, make_sweep, points

AXES = ("lr", "batch_tokens")


@pytest.fixture(scope="module")
def clean():
    return make_sweep()


@pytest.fixture(scope="module")
def noisy():
    return fit_sweep(make_sweep(noise=0.0007, scatter=0.08, seed=4).points, draws=200)


def optima(fit):
    return np.array([[cell.optimum[axis].estimate for axis in fit.axes] for cell in fit.cells])


def test_a_law_without_noise_is_found_to_its_digits(clean):
    fit = fit_sweep(clean.points, within=None, draws=50)
    assert fit.status == "ok"
    law = fit.need_law()
    for i, axis in enumerate(AXES):
        found = [q.estimate for q in law.exponents(axis).values()]
        assert found == pytest.approx(LAW[i, 1:], abs=1e-9)
    assert law.curvature == pytest.approx(CURVATURE, rel=1e-9)
    assert optima(fit) == pytest.approx(clean.optima, rel=1e-8)
    said = fit.predict("3B", "300B")
    assert [said.law[a].estimate for a in AXES] == pytest.approx(
        np.exp(law_at(3e9, 3e11)), rel=1e-8
    )
    assert not said.inside_range
    assert said.decades_beyond["N"] == pytest.approx(np.log10(3e9 / 1.2e9))
    for i, axis in enumerate(AXES):
        expected = np.expm1(CURVATURE[i, i] * np.log(2) ** 2 / 2)
        assert law.cost()[axis].estimate == pytest.approx(expected, rel=1e-9)
        assert fit.cells[0].cost[axis].estimate == pytest.approx(expected, rel=1e-6)
    assert {cell.status for cell in fit.cells} == {"ok"}


def test_the_default_finds_it_from_the_near_runs(clean):
    fit = fit_sweep(clean.points, draws=50)
    for i, axis in enumerate(AXES):
        found = [q.estimate for q in fit.need_law().exponents(axis).values()]
        assert found == pytest.approx(LAW[i, 1:], abs=1e-9)
    # Between the runs a convex loss is over-estimated, at most by the middle of a step.
    worst = CURVATURE.max() * np.log(2) ** 2 / 2
    regret = fit.regret("cell")
    assert regret is not None
    assert 0 <= regret.interpolated.max() < worst


@settings(max_examples=8)
@given(a=st.floats(-6, 6), b=st.floats(-6, 6), c=st.floats(-0.5, 0.5))
def test_other_units_move_the_optimum_exactly(a, b, c):
    made = make_sweep(noise=0.001, scatter=0.05, seed=2, grid=4, lengths=(5e9, 4e10)).points
    one = fit_sweep(made, draws=10, within=0.01)
    columns = {"lr": made.columns["lr"] * np.exp(a), "batch_tokens": made.columns["batch_tokens"]}
    columns["batch_tokens"] = columns["batch_tokens"] * np.exp(b)
    two = fit_sweep(changed(made, loss=made.loss * np.exp(c), **columns), draws=10, within=0.01)
    assert [cell.status for cell in one.cells] == [cell.status for cell in two.cells]
    assert optima(two) == pytest.approx(optima(one) * np.exp([a, b]), rel=1e-5, nan_ok=True)
    assert two.need_law().theta[:, 1:] == pytest.approx(one.need_law().theta[:, 1:], abs=1e-5)
    assert two.need_law().theta[:, 0] == pytest.approx(
        one.need_law().theta[:, 0] + [a, b], abs=1e-5
    )
    for r, s in zip(one.regrets, two.regrets, strict=True):
        assert s.interpolated == pytest.approx(r.interpolated, abs=1e-7)


@settings(max_examples=5)
@given(order=st.randoms(use_true_random=False))
def test_the_order_of_the_runs_does_not_matter(order):
    made = make_sweep(noise=0.001, seed=3, grid=4, lengths=(5e9, 4e10), seeds=2).points
    at = list(range(len(made)))
    order.shuffle(at)
    one, two = (fit_sweep(p, draws=10, within=0.02) for p in (made, made.take(np.array(at))))
    assert optima(two) == pytest.approx(optima(one), rel=1e-6, nan_ok=True)
    assert two.need_law().theta == pytest.approx(one.need_law().theta, rel=1e-6)


@pytest.mark.parametrize("loss", [4.0, 9.0, 1e30])
def test_diverged_runs_mark_the_edge_and_bend_nothing(loss):
    made = make_sweep(noise=0.0005, seed=5).points
    n, d = np.full(4, made.params[0]), np.full(4, made.tokens[0])
    lr = made.columns["lr"][:25].max() * np.array([2.0, 4.0, 8.0, 16.0])
    batch = np.full(4, made.columns["batch_tokens"][0])
    more = joined(made, points(n, d, lr, batch, np.full(4, loss)))
    one, two = fit_sweep(made, draws=20), fit_sweep(more, draws=20)
    assert np.array_equal(optima(one), optima(two))
    # The mean of log N over more runs of the same N differs in its last digits.
    assert two.need_law().theta == pytest.approx(one.need_law().theta, rel=1e-12)
    assert two.cells[0].n_diverged == 4
    assert two.cells[0].lr_diverged == lr.min()
    assert np.isnan(two.cells[1].lr_diverged)


def test_an_optimum_outside_the_runs_is_flagged_and_asks_outwards():
    made = make_sweep(shift=2.2 * np.log(2), noise=1e-4, grid=4)
    fit = fit_sweep(made.points, draws=100)
    edged = [cell for cell in fit.cells if "lr low" in cell.edges]
    assert len(edged) >= 6
    for cell in edged:
        tried = made.points.columns["lr"][
            np.isclose(made.points.params, cell.params)
            & np.isclose(made.points.tokens, cell.tokens)
        ]
        assert cell.next is not None
        assert cell.next.why == "outward"
        assert cell.next.setting["lr"] == pytest.approx(tried.min() / 2, rel=1e-6)
    assert "edge_of_grid" in {notice.code for notice in fit.warnings}


def test_runs_that_diverged_above_close_the_upper_edge():
    made = make_sweep(shift=-2.2 * np.log(2), noise=1e-4, grid=4).points
    open_fit = fit_sweep(made, draws=50)
    assert any("lr high" in cell.edges for cell in open_fit.cells)
    cell_of = [(n, d) for n in np.unique(made.params) for d in np.unique(made.tokens)]
    n, d = np.array(cell_of).T
    lr = np.array(
        [made.columns["lr"][(made.params == a) & (made.tokens == b)].max() for a, b in cell_of]
    )
    gone = points(n, d, 2 * lr, np.full(9, 5e5), np.full(9, 50.0))
    closed = fit_sweep(joined(made, gone), draws=50)
    assert not any("lr high" in cell.edges for cell in closed.cells)


def test_the_next_run_is_new_inside_and_shrinks_the_optimum(noisy):
    chosen = [cell for cell in noisy.cells if cell.next is not None and cell.next.why == "shrink"]
    assert chosen
    for cell in chosen:
        assert all(0 < cell.next.shrink[axis] <= 1 for axis in AXES)
        rows = (np.isclose(noisy.runs.params, cell.params)) & np.isclose(
            noisy.runs.tokens, cell.tokens
        )
        tried = noisy.runs.settings[rows]
        wanted = np.log([cell.next.setting[axis] for axis in AXES])
        assert np.sqrt(((tried - wanted) ** 2).sum(axis=1)).min() > 0.19
        assert np.all(wanted >= tried.min(axis=0) - 1e-6)
        assert np.all(wanted <= tried.max(axis=0) + 1e-6)


def test_intervals_of_noisy_cells_are_ordered_and_hold_the_estimate(noisy):
    for cell in noisy.cells:
        for axis in AXES:
            for q in (cell.optimum[axis], cell.pooled[axis]):
                if np.isfinite(q.lo):
                    assert q.lo <= q.estimate <= q.hi
        assert cell.measured["lr"][0] == pytest.approx(0.0025, abs=0.003)
    said = noisy.predict(1e9, 5e10)
    for axis in AXES:
        assert said.settings[axis].lo <= said.law[axis].lo <= said.law[axis].hi
        assert said.law[axis].hi <= said.settings[axis].hi


def test_a_sweep_of_the_rate_alone_gives_a_law_of_the_rate(clean):
    middle = np.zeros(len(clean.points), dtype=bool)
    for n in np.unique(clean.points.params):
        for d in np.unique(clean.points.tokens):
            rows = np.flatnonzero((clean.points.params == n) & (clean.points.tokens == d))
            batch = clean.points.columns["batch_tokens"][rows]
            middle[rows[np.isclose(batch, np.sort(np.unique(batch))[2])]] = True
    fit = fit_sweep(clean.points.take(middle), draws=30)
    assert fit.axes == ("lr",)
    assert "batch_not_varied" in {notice.code for notice in fit.warnings}
    assert set(fit.predict(1e9, 1e10).settings) == {"lr"}
    # At a batch off its best the rate's optimum moves along the ridge of the surface.
    assert fit.need_law().curvature[0, 0] == pytest.approx(CURVATURE[0, 0], rel=1e-6)
    with pytest.raises(InputError, match="batch was not varied"):
        fit.heat_map(2e8, 5e9)


def test_a_table_without_batch_is_a_sweep_of_the_rate():
    made = make_sweep(grid=5).points
    rows = np.isclose(made.columns["batch_tokens"], made.columns["batch_tokens"][0])
    alone = points(
        made.params[rows], made.tokens[rows], made.columns["lr"][rows], None, made.loss[rows]
    )
    cut = fit_sweep(alone, draws=10)
    assert cut.axes == ("lr",)
    assert "no_batch" in {notice.code for notice in cut.warnings}


def test_cells_on_a_line_give_a_law_along_it():
    pairs = [(1e8, 2e9), (3e8, 6e9), (1e9, 2e10), (3e9, 6e10), (6e9, 1.2e11)]
    parts = [make_sweep(sizes=(n,), lengths=(d,)).points for n, d in pairs]
    made = parts[0]
    for part in parts[1:]:
        made = joined(made, part)
    fit = fit_sweep(made, draws=20)
    assert fit.need_law().terms == ("1", "N")
    assert fit.need_law().slope == pytest.approx(1.0)
    found = fit.need_law().exponents("lr")["N"].estimate
    assert found == pytest.approx(LAW[0, 1] + LAW[0, 2], abs=1e-6)
    assert fit.predict(2e9, 4e10).on_path
    assert not fit.predict(2e9, 4e11).on_path


def test_the_batch_may_be_told_not_to_depend_on_size(clean):
    fit = fit_sweep(clean.points, batch_n=False, draws=20)
    assert fit.need_law().exponents("batch_tokens")["N"].estimate == 0.0
    assert fit.need_law().exponents("lr")["N"].estimate == pytest.approx(-0.6, abs=0.05)


def test_few_cells_give_cells_and_no_law():
    fit = fit_sweep(make_sweep(sizes=(5e8,), lengths=(1e10,)).points, draws=50)
    assert fit.status == "no_law"
    assert fit.law is None
    assert fit.cells[0].status == "ok"
    assert fit.cells[0].next is not None
    with pytest.raises(EvidenceError) as caught:
        fit.predict(1e9, 1e10)
    assert caught.value.code == "no_law"
    assert "no law" in fit.summary()


def test_seeds_of_a_setting_count_together():
    """One lucky seed must not make its setting the best."""
    made = make_sweep(seeds=3, noise=0.0, grid=5).points
    loss = made.loss.copy()
    loss[0] *= 0.99  # one seed of the corner
    fit = fit_sweep(changed(made, loss=loss), within=0.01, draws=20)
    assert fit.cells[0].best["lr"] != made.columns["lr"][0]


def test_seeds_tell_the_noise():
    fit = fit_sweep(make_sweep(seeds=2, noise=0.002, grid=4).points, draws=20)
    # 144 pairs: the deviation is known to 6 %.
    assert fit.seed_noise == pytest.approx(0.002, rel=0.2)
    assert "seeds of one setting differ by 0.2" in fit.summary()


def test_larger_width_of_tokens_joins_cells(clean):
    made = clean.points
    jitter = made.tokens * (1 + 0.004 * np.sin(np.arange(len(made))))
    moved = points(made.params, jitter, made.columns["lr"], made.columns["batch_tokens"], made.loss)
    assert len(fit_sweep(moved, draws=10).cells) == 9


@pytest.mark.parametrize("cluster", ["cell", "size"])
def test_same_seed_same_digits(cluster):
    made = make_sweep(noise=0.001, seed=7).points
    one, two = (fit_sweep(made, draws=30, seed=5, cluster=cluster) for _ in range(2))
    assert dumps(one.to_dict()) == dumps(two.to_dict())
    other = fit_sweep(made, draws=30, seed=6, cluster=cluster)
    assert np.array_equal(one.need_law().theta, other.need_law().theta)
    assert not np.array_equal(one.need_law().draws, other.need_law().draws)


def test_no_cluster_no_intervals(clean):
    fit = fit_sweep(clean.points, cluster="none")
    said = fit.predict(1e9, 1e10)
    assert np.isnan(said.settings["lr"].lo)
    assert np.isfinite(said.settings["lr"].estimate)
    assert "no intervals" in fit.summary()
    json.loads(dumps(fit.to_dict()))


def test_stored_and_read_back_without_loss(noisy, tmp_path):
    noisy.save(tmp_path / "sweep.json")
    back = SweepFit.load(tmp_path / "sweep.json")
    assert dumps(back.to_dict()) == dumps(noisy.to_dict())
    assert back.summary() == noisy.summary()
    for name in ("theta", "draws", "curvature", "curvature_draws", "scatter"):
        assert np.array_equal(getattr(back.law, name), getattr(noisy.law, name))
    one, two = (f.predict(2e9, 1e11).to_dict() for f in (noisy, back))
    assert one == two
    for name in ("lr", "batch_tokens", "loss", "cell", "params", "tokens"):
        assert np.array_equal(getattr(back.runs, name), getattr(noisy.runs, name))
    for one_cell, two_cell in zip(noisy.cells, back.cells, strict=True):
        one_surface, two_surface = one_cell.surface, two_cell.surface
        assert one_surface is not None
        assert two_surface is not None
        assert np.array_equal(one_surface.coefficients, two_surface.coefficients)
    assert repr(back.heat_map(2e8, 5e9).loss) == repr(noisy.heat_map(2e8, 5e9).loss)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "not_a_sweep_fit"),
        ('{"schema": "isoloss.fit", "version": 1}', "not_a_sweep_fit"),
        ('{"schema": "isoloss.sweep_fit", "version": 9}', "not_a_sweep_fit"),
        ('{"schema": "isoloss.sweep_fit", "version": 1, "axes": ["lr"]}', "damaged_sweep_fit"),
    ],
)
def test_a_damaged_file_is_said_to_be_one(tmp_path, text, code):
    path = tmp_path / "sweep.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        SweepFit.load(path)
    assert caught.value.code == code
    assert "isoloss sweep" in str(caught.value.hint)


def test_the_heat_map_holds_what_a_figure_needs(noisy):
    cell = noisy.cells[4]
    found = noisy.heat_map(cell.params, cell.tokens, size=21)
    assert found.loss.shape == found.smooth.shape == (21, 21)
    inside = np.isfinite(found.loss)
    assert inside.any()
    assert np.nanmin(found.excess) >= -1e-12
    assert found.loss[inside] == pytest.approx(found.best[2] * (1 + found.excess[inside]))
    assert found.smooth[inside] == pytest.approx(found.loss[inside], rel=0.02)
    assert len(found.runs) == cell.n_runs
    middle = np.log(found.law)
    outline = np.log(found.ellipse)
    assert outline.mean(axis=0) == pytest.approx(middle, abs=0.05)
    # About the share of draws that the outline is meant to hold lies inside.
    drawn = noisy.need_law().drawn_settings(cell.params, cell.tokens) - middle
    half = outline[:-1] - middle
    radius = np.hypot(*half.T)
    angle = np.arctan2(half[:, 1], half[:, 0])
    order = np.argsort(angle)
    reach = np.interp(
        np.arctan2(drawn[:, 1], drawn[:, 0]), angle[order], radius[order], period=2 * np.pi
    )
    assert np.mean(np.hypot(*drawn.T) <= reach) == pytest.approx(0.9, abs=0.04)


def test_curves_hold_the_law_its_fan_and_the_cells(noisy):
    lr = noisy.curves("lr")
    assert lr.along == "N"
    assert lr.curves.shape == (3, 40)
    slope = np.diff(np.log(lr.curves), axis=1) / np.diff(np.log(lr.x))
    assert slope == pytest.approx(noisy.need_law().exponents("lr")["N"].estimate, abs=1e-9)
    assert np.all((lr.lo <= lr.curves) & (lr.curves <= lr.hi))
    assert noisy.curves("batch_tokens").along == "D"
    assert lr.inside.any()
    assert not lr.inside.all()
    with pytest.raises(InputError, match="one of lr, batch_tokens"):
        noisy.curves("weight_decay")
    with pytest.raises(InputError, match="one of N, D"):
        noisy.curves("lr", along="C")


def test_frame_summary_and_html(noisy):
    frame = noisy.to_frame()
    assert frame.height == len(noisy.cells)
    assert {"n_params", "tokens", "lr", "lr_lo", "batch_tokens_next", "status"} <= set(
        frame.columns
    )
    text = noisy.summary()
    assert str(noisy) == text
    assert "each cell left out" in text
    assert "<table>" in noisy._repr_html_()


def test_regret_of_any_law(noisy):
    good = noisy.regret_of(lambda n, d: tuple(np.exp(law_at(n, d))))
    bad = noisy.regret_of(lambda n, d: (1e-5, 1e9))
    assert good.nearest.mean() < 0.002
    assert bad.nearest.mean() > 5 * good.nearest.mean()
    assert not bad.inside.any()
    assert np.array_equal(bad.nearest, bad.interpolated)


def changed_without(runs, name):
    return replace(runs, columns={k: v for k, v in runs.columns.items() if k != name})


def set_all(name, value):
    return lambda runs: changed(runs, **{name: np.full(len(runs), value)})


@pytest.mark.parametrize(
    ("spoil", "options", "error", "code"),
    [
        (lambda p: changed_without(p, "lr"), {}, InputError, "missing_column"),
        (set_all("lr", np.nan), {}, InputError, "missing_value"),
        (set_all("lr", 1e-3), {}, EvidenceError, "lr_not_varied"),
        (lambda p: p.take(np.arange(2)), {}, EvidenceError, "lr_not_varied"),
        (lambda p: p, {"within": 0.0}, InputError, "bad_within"),
        (lambda p: p, {"within": "wide"}, InputError, "bad_within"),
        (lambda p: p, {"cluster": "tier"}, InputError, "bad_cluster"),
        (lambda p: p, {"draws": 0}, InputError, "bad_draws"),
        (lambda p: p, {"level": 1.0}, InputError, "bad_level"),
        (lambda p: p, {"tolerance": 0.0}, InputError, "bad_tolerance"),
    ],
)
def test_bad_input_ends_in_a_sentence(clean, spoil, options, error, code):
    with pytest.raises(error) as caught:
        fit_sweep(spoil(clean.points), **options)
    assert caught.value.code == code


def test_one_thin_cell_is_refused():
    made = make_sweep(sizes=(5e8,), lengths=(1e10,)).points
    with pytest.raises(EvidenceError) as caught:
        fit_sweep(made.take(np.array([0, 1, 2, 6])))
    assert caught.value.code == "thin_sweep"


def test_one_size_gives_a_law_in_tokens_alone():
    fit = fit_sweep(make_sweep(sizes=(5e8,), lengths=(4e9, 1e10, 3e10, 9e10)).points, draws=20)
    law = fit.need_law()
    assert law.terms == ("1", "D")
    assert "one_size" in {notice.code for notice in fit.warnings}
    assert law.exponents("batch_tokens")["D"].estimate == pytest.approx(0.5, abs=1e-6)
    assert not fit.predict(5e9, 1e10).inside_range


@pytest.mark.parametrize("rounding", [0.0, -1e-9])
def test_a_direction_that_the_runs_leave_open_does_not_stop_the_draws(rounding):
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((6, 4))
    covariance = factor @ factor.T
    values, vectors = np.linalg.eigh(covariance)
    covariance = (vectors * np.where(values < 1e-9, rounding, values)) @ vectors.T
    surface = Quadratic(np.zeros(2), np.arange(6.0), covariance, 0.01, 20, 9, 10_000)
    found = surface.draws(20_000, rng)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.cov(found.T), covariance, atol=0.05 * covariance.max())
