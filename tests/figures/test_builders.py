"""Each figure has the numbers that its results have; nothing is drawn here."""

from __future__ import annotations

import math

import numpy as np
import pytest

import isoloss as iso
from isoloss.errors import EvidenceError, InputError
from isoloss.figures import Band, Contour, Figure, Heat, Line, Mark, Points, Text, build, find
from isoloss.figures.parameters import density
from isoloss.fitting import envelope, fit, isoflop
from isoloss.laws import get_published
from isoloss.planning.serving import overtraining
from isoloss.runs import format_quantity
from isoloss.validation import diagnose
from tests.figures.conftest import BUDGETS, TARGET, sweep


def by_role(panel, kind, role):
    return [layer for layer in panel.layers if isinstance(layer, kind) and layer.role == role]


def first(values):
    """The first of values that must be there."""
    assert values is not None
    return values[0]


@pytest.fixture(scope="module")
def plane(found, answer):
    return build("iso-loss", found, answer)


def test_iso_loss_shades_runs_and_lines_alike(plane, found):
    for panel, x, y in (
        (plane.panels[0], found.points.flop, found.points.params),
        (plane.panels[1], found.points.params, found.points.tokens),
    ):
        (runs,) = by_role(panel, Points, "data")
        np.testing.assert_array_equal(runs.x, x)
        np.testing.assert_array_equal(runs.y, y)
        np.testing.assert_array_equal(runs.shade, found.points.loss)
        assert panel.scale is plane.panels[0].scale
        assert panel.scale.less_is_more


def test_iso_loss_contours_are_the_law(plane, found):
    (over_c,) = plane.panels[0].of(Contour)
    n, c = over_c.y[7], over_c.x[31]
    expected = found.law.value(found.estimate, {"N": n, "D": c / (6 * n)})
    assert over_c.z[7, 31] == pytest.approx(float(expected), rel=1e-12)
    (over_n,) = plane.panels[1].of(Contour)
    expected = found.law.value(found.estimate, {"N": over_n.x[20], "D": over_n.y[50]})
    assert over_n.z[50, 20] == pytest.approx(float(expected), rel=1e-12)
    assert 10 <= len(over_c.levels) <= 30
    assert set(over_c.labelled) <= set(over_c.levels.tolist())


def test_iso_loss_marks_the_plan_with_its_intervals(plane, answer):
    (mark,) = by_role(plane.panels[0], Points, "answer")
    assert (mark.x[0], mark.y[0]) == (answer.flop, answer.n_params.estimate)
    assert (first(mark.y_lo), first(mark.y_hi)) == (answer.n_params.lo, answer.n_params.hi)
    (cross,) = [m for m in plane.panels[0].of(Mark) if m.role == "answer"]
    assert (cross.x, cross.y) == (answer.flop, answer.n_params.estimate)
    (mark,) = by_role(plane.panels[1], Points, "answer")
    assert (first(mark.x_lo), first(mark.y_hi)) == (answer.n_params.lo, answer.tokens.hi)


def test_iso_loss_frontier_is_the_optimum_and_turns_at_the_data(plane, found):
    from isoloss.planning import plan

    last = found.points.flop.max()
    (inside,) = by_role(plane.panels[0], Line, "path")
    (beyond,) = by_role(plane.panels[0], Line, "answer")
    assert inside.x[-1] == beyond.x[0] == pytest.approx(last)
    middle = len(inside.x) // 2
    expected = plan(found, float(inside.x[middle])).n_params.estimate
    assert inside.y[middle] == pytest.approx(expected, rel=1e-9)
    (band,) = by_role(plane.panels[0], Band, "answer band")
    assert np.all(band.lo <= beyond.y)
    assert np.all(band.hi >= beyond.y)


def test_iso_loss_says_how_far(plane, found):
    (beyond,) = plane.panels[0].x.beyond
    assert beyond.start == found.points.flop.max()
    assert beyond.label == f"× {TARGET / beyond.start:.2g} beyond data"


@pytest.mark.parametrize("key", ["iso-loss", "isoflop", "residuals", "backtest", "parameters"])
def test_captions_say_n_law_convention_unit_and_intervals(found, answer, tested, runs, key):
    need = {"backtest": (tested,), "isoflop": (found, answer), "iso-loss": (found, answer)}
    caption = build(key, *need.get(key, (found,))).caption
    for part in ("42 runs", "chinchilla", "N: all parameters", "nats/token", "90 %", "draws"):
        assert part in caption
    assert "C = 6 N D" in caption or "C as the runs give it" in caption


def test_isoflop_profiles_and_power_laws(runs, found):
    allocation = isoflop(runs)
    figure = build("isoflop", runs, allocation, target=TARGET)
    profile, size, tokens = figure.panels
    (dots,) = by_role(profile, Points, "data")
    assert len(dots.x) == 42
    curves = by_role(profile, Line, "law")
    assert len(curves) == len(BUDGETS)
    assert all(curve.dashed for curve in curves)
    for curve, optimum in zip(curves, allocation.optima, strict=True):
        assert curve.y.min() == pytest.approx(optimum.loss.estimate, rel=1e-3)
        assert curve.x[curve.y.argmin()] == pytest.approx(optimum.n_params.estimate, rel=0.05)
    (stars,) = by_role(profile, Points, "optimum")
    np.testing.assert_array_equal(stars.x, [o.n_params.estimate for o in allocation.optima])
    for panel, name in ((size, "n_params"), (tokens, "tokens")):
        (answer,) = by_role(panel, Points, "answer")
        split = allocation.at(TARGET)
        assert answer.y[0] == getattr(split, name).estimate
        assert first(answer.y_lo) == getattr(split, name).lo
        (line,) = by_role(panel, Line, "law")
        law = allocation.n_opt if name == "n_params" else allocation.d_opt
        expected = law.prefactor.estimate * line.x[3] ** law.exponent.estimate
        assert line.y[3] == pytest.approx(expected, rel=1e-9)


def test_isoflop_with_a_fit_draws_its_slices(found):
    figure = build("isoflop", found)
    curve = by_role(figure.panels[0], Line, "law")[2]
    assert not curve.dashed
    loss = found.law.value(found.estimate, {"N": curve.x[10], "D": curve.shade / (6 * curve.x[10])})
    assert curve.y[10] == pytest.approx(float(loss), rel=1e-12)


def test_envelope_is_the_lowest_loss(grid):
    made, loss, c = grid, grid.points().loss, grid.points().flop
    allocation = envelope(made)
    figure = build("envelope", made, allocation)
    heavy = next(line for line in figure.panels[0].of(Line) if line.heavy)
    known = np.isfinite(heavy.y)
    for budget in BUDGETS[1:-1]:
        at = int(np.argmin(np.abs(np.log(heavy.x / budget))))
        if known[at]:
            assert heavy.y[at] == pytest.approx(loss[np.isclose(c, budget)].min(), rel=2e-3)
    (answer,) = by_role(figure.panels[1], Points, "answer")
    assert answer.y[0] == allocation.at(answer.x[0]).n_params.estimate


def test_residuals_have_the_values_and_name_the_worst(found):
    points = found.points
    loss = points.loss.copy()
    loss[5] *= 1.2
    from dataclasses import replace

    spoiled = fit(replace(points, loss=loss), draws=20)
    figure = build("residuals", spoiled)
    over_c = figure.panels[0]
    (dots,) = by_role(over_c, Points, "data")
    percent = 100 * np.expm1(spoiled.residuals)
    inside = np.abs(percent) < over_c.y.hi
    np.testing.assert_allclose(dots.y[inside], percent[inside])
    (words,) = over_c.of(Text)
    assert points.run_id[5] in words.text
    assert f"{percent[5]:+.2g}" in words.text
    assert dots.y[5] == pytest.approx(np.abs(dots.y).max())
    assert over_c.scale is not None
    assert dots.shade is not None
    np.testing.assert_allclose(dots.shade, points.tokens / points.params)
    found_bands = diagnose(spoiled).strip("C").bands
    (band,) = over_c.of(Band)
    np.testing.assert_allclose(band.hi[::2], [100 * b.p84 for b in found_bands])


def test_backtest_has_every_held_out_run_and_the_drift(tested):
    figure = build("backtest", tested)
    predicted, error, drift, coverage = figure.panels
    scores = [s for s in tested.scores("chinchilla") if s.error.size]
    (dots,) = by_role(predicted, Points, "data")
    np.testing.assert_array_equal(dots.x, np.concatenate([s.loss for s in scores]))
    np.testing.assert_array_equal(dots.y, np.concatenate([s.expected for s in scores]))
    (dots,) = by_role(error, Points, "data")
    np.testing.assert_array_equal(dots.x, np.concatenate([s.factor for s in scores]))
    (dots,) = by_role(drift, Points, "data")
    sizes = [q for q in tested.sizes("chinchilla") if q is not None]
    np.testing.assert_array_equal(dots.y, [q.estimate for q in sizes])
    np.testing.assert_array_equal(dots.y_lo, [q.lo for q in sizes])
    (last,) = by_role(drift, Points, "answer")
    assert last.y[0] == sizes[-1].estimate
    assert any(tested.verdict in text.text for text in drift.of(Text))
    (dots,) = by_role(coverage, Points, "data")
    hits = np.concatenate([s.inside[0.9] for s in scores])
    assert dots.x[-1] == 90
    assert dots.y[-1] == pytest.approx(100 * hits.mean())


def test_backtest_without_a_score_is_refused(tested):
    from dataclasses import replace

    from isoloss.validation.score import unfitted

    cuts = tuple(
        replace(cut, laws={name: unfitted("few_runs") for name in cut.laws}) for cut in tested.cuts
    )
    with pytest.raises(EvidenceError, match="nothing to draw"):
        build("backtest", replace(tested, cuts=cuts))


def test_parameters_ellipses_hold_their_share(found):
    figure = build("parameters", found)
    panel = next(p for p in figure.panels if p.place == (4, 3))  # beta over alpha
    outer = [line for line in panel.of(Line) if not line.thin][-1]
    alpha, beta = (found.draws[:, found.law.names.index(name)] for name in ("alpha", "beta"))
    points = np.stack([alpha, beta], axis=1) - [alpha.mean(), beta.mean()]
    inverse = np.linalg.inv(np.cov(alpha, beta))
    size = np.einsum("ij,jk,ik->i", points, inverse, points)
    edge = np.stack([outer.x, outer.y], axis=1) - [alpha.mean(), beta.mean()]
    radius = np.einsum("ij,jk,ik->i", edge, inverse, edge)
    np.testing.assert_allclose(radius, -2 * math.log(0.1), rtol=1e-6)
    assert np.mean(size <= radius[0]) == pytest.approx(0.9, abs=0.08)
    crosses = [layer for layer in panel.of(Points) if layer.role == "reference"]
    values = get_published("chinchilla", "epoch").values
    assert any(
        np.isclose(layer.x, values["alpha"]).any() and np.isclose(layer.y, values["beta"]).any()
        for layer in crosses
    )
    exponent = next(p for p in figure.panels if p.place == (0, 4))
    assert any(mark.x == 0.5 for mark in exponent.of(Mark))


def test_density_of_draws():
    draws = np.random.default_rng(0).normal(2.0, 0.5, 4000)
    x, y = density(draws, 0.0, 4.0)
    assert y.max() == 1
    assert x[y.argmax()] == pytest.approx(2.0, abs=0.2)
    assert np.interp(2.5, x, y) == pytest.approx(math.exp(-0.5), abs=0.06)


def test_parameters_need_draws_and_two_of_them(found):
    with pytest.raises(EvidenceError, match="needs intervals"):
        build("parameters", fit(sweep(), ci="none"))
    held = dict(found.estimate) | {}
    held.pop("E")
    with pytest.raises(InputError, match="1 free"):
        build("parameters", fit(sweep(), fixed=held, draws=20))


def test_forest_has_a_row_per_choice(choices):
    figure = build("forest", choices)
    exponent, size = figure.panels
    (answer,) = by_role(size, Points, "answer")
    assert answer.x[0] == choices.choices[0].n_params.estimate
    (band,) = size.of(Band)
    assert list(band.x) == [choices.choices[0].n_params.lo, choices.choices[0].n_params.hi]
    shown = [name for name in exponent.y.names if name]
    assert shown[0] == "as fitted"
    assert "law: coupled" in shown
    (dots,) = by_role(exponent, Points, "data")
    assert len(dots.x) + 1 == len(shown)


def test_tokens_per_param_draws_the_law_over_the_ratio(found):
    figure = build("tokens-per-param", found)
    (panel,) = figure.panels
    (dots,) = by_role(panel, Points, "data")
    np.testing.assert_allclose(dots.x, found.points.tokens / found.points.params)
    line = next(line for line in panel.of(Line) if line.label)
    expected = found.law.value(found.estimate, {"N": line.shade, "D": line.shade * line.x[5]})
    assert line.y[5] == pytest.approx(float(expected), rel=1e-9)


def test_overtraining_curve_and_marks(found):
    curve = overtraining(found, TARGET)
    figure = build("overtraining", curve)
    heavy = next(line for line in figure.panels[0].of(Line) if line.heavy)
    seen = np.isfinite(heavy.y)
    np.testing.assert_allclose(heavy.y[seen], 100 * curve.curve.overhead[seen])
    assert np.nanmin(heavy.y) == pytest.approx(0.0, abs=1e-6)
    labels = [mark.label for mark in figure.panels[0].of(Mark) if mark.label]
    assert labels == ["1×", "5×", "20×"]
    pays = next(line for line in figure.panels[1].of(Line) if line.heavy)
    known = np.isfinite(curve.curve.break_even_tokens)
    assert set(pays.y) <= set(curve.curve.break_even_tokens[known])


def test_repetition_panels(repeated):
    figure = build("repetition", repeated)
    shares, tokens, plane, worth = figure.panels
    points = repeated.points
    dots = by_role(tokens, Points, "data")
    assert len(dots) == 4
    assert all(len(layer.x) == 6 for layer in dots)
    (dots,) = by_role(plane, Points, "data")
    assert set(np.round(dots.x)) == {1, 2, 4, 8, 16, 32}
    (contour,) = plane.of(Contour)
    u = float(plane.title.split()[2].removesuffix("B")) * 1e9
    expected = repeated.law.value(
        repeated.estimate, {"N": contour.y[4], "D": u * contour.x[6], "U": u}
    )
    assert contour.z[4, 6] == pytest.approx(float(expected), rel=1e-2)
    average = next(line for line in worth.of(Line) if line.label == "average")
    rd = repeated.estimate["RD"]
    epochs = average.x[30]
    assert average.y[30] == pytest.approx(
        100 * (1 + rd * (1 - math.exp(-(epochs - 1) / rd))) / epochs, rel=1e-6
    )
    assert shares.x.reverse
    assert points.unique_tokens.min() == 2e9


def test_repetition_needs_a_law_in_u_and_repeats(found, repeated):
    with pytest.raises(InputError, match="unique tokens U"):
        build("repetition", found)
    from dataclasses import replace

    once = repeated.points.unique_tokens == repeated.points.tokens
    few = replace(repeated, points=repeated.points.take(once))
    with pytest.raises(EvidenceError, match="epochs alone"):
        build("repetition", few)


def _title(cell):
    return f"N {format_quantity(cell.params)}, D {format_quantity(cell.tokens)}"


def test_lr_batch_maps(settings):
    figure = build("lr-batch", settings)
    assert len(figure.panels) == 3
    panel = figure.panels[0]
    (heat,) = panel.of(Heat)
    cell = next(c for c in settings.cells if panel.title == _title(c))
    best = next(layer for layer in panel.of(Points) if layer.role == "best")
    assert np.nanmin(heat.z) >= -1e-9
    assert best.x[0] == cell.best["lr"]
    (contour,) = panel.of(Contour)
    np.testing.assert_allclose(contour.levels, [0.1, 0.25, 0.5, 1.0])
    law = next(layer for layer in panel.of(Points) if layer.role == "answer")
    assert np.isfinite(law.x[0])
    assert any("law costs" in text.text for text in panel.of(Text))


def test_hparam_laws_have_optima_and_published_laws(settings):
    figure = build("hparam-laws", settings)
    lr, batch = figure.panels
    (dots,) = by_role(lr, Points, "data")
    estimates = [cell.optimum["lr"].estimate for cell in settings.cells]
    np.testing.assert_allclose(np.sort(dots.y), np.sort([e for e in estimates if np.isfinite(e)]))
    assert any(line.role == "reference" and line.label for line in (*lr.of(Line), *batch.of(Line)))
    assert lr.x.beyond


def test_results_draw_themselves(found, answer, tested, runs):
    assert found.figure().key == "iso-loss"
    assert answer.figure(None, found).key == "iso-loss"
    assert tested.figure().key == "backtest"
    assert runs.figure().key == "isoflop"
    assert found.figure("F4").key == "residuals"
    assert diagnose(found).figure(None, found).key == "residuals"
    power = fit(runs, "E + A/N**a", ci="none")
    assert power.figure().key == "residuals"
    html = found.figure("residuals")._repr_html_()
    assert html.startswith("<figure")
    assert "<figcaption>" in html


def test_what_is_missing_is_said(answer, found, runs):
    with pytest.raises(InputError, match="isoloss fit RUNS"):
        answer.figure()
    with pytest.raises(InputError, match="N and D"):
        build("iso-loss", fit(runs, "E + A/N**a", ci="none"))
    with pytest.raises(InputError, match="name of a figure"):
        find("isolos")
    bare = iso.read({"params": [1e8, 2e8, 4e8], "loss": [3.0, 2.8, 2.6]})
    with pytest.raises(InputError, match="tokens"):
        build("tokens-per-param", fit(bare, "E + A/N**a", ci="none", fixed={"E": 2.0}))


def test_figures_save_by_ending(tmp_path, found):
    figure = found.figure("residuals")
    assert isinstance(figure, Figure)
    figure.save(tmp_path / "f.svg", theme="dark")
    assert "#14171b" in (tmp_path / "f.svg").read_text()
    with pytest.raises(InputError, match="ending"):
        figure.save(tmp_path / "f.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["f.svg"]
