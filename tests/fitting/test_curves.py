"""Fits of loss curves: recovery from curves that follow the law, refusals, documents."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from isoloss import datasets
from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.fitting.curves import LossCurve, fit_curves, score
from isoloss.laws.multipower import PUBLISHED, loss_curve, passage
from isoloss.laws.schedules import constant, cosine, exponential_decay, two_stage

THETA = dict(PUBLISHED[1].values)
STEPS = np.arange(320, 3000, 40)
FITTED = {
    "constant": constant(3e-4, 3000, 300),
    "cosine": cosine(3e-4, 3e-5, 3000, 300),
    "two stages": two_stage(3e-4, 9e-5, 3000, 300, 1000),
}
HELD = exponential_decay(3e-4, 3e-5, 3000, 300, 2000)


def curve(name, lr, noise=0.0, seed=0):
    loss = loss_curve(THETA, passage(lr, STEPS))
    jitter = np.exp(noise * np.random.default_rng(seed).standard_normal(len(STEPS)))
    return LossCurve(name, lr, STEPS, loss * jitter)


@pytest.fixture(scope="module")
def exact():
    return fit_curves([curve(name, lr) for name, lr in FITTED.items()])


def test_curves_without_noise_give_the_parameters_back(exact):
    assert exact.status == "ok"
    for name, value in THETA.items():
        assert exact.estimate[name] == pytest.approx(value, rel=1e-4), name


def test_another_schedule_is_then_predicted(exact):
    np.testing.assert_allclose(
        exact.predict(HELD, STEPS), loss_curve(THETA, passage(HELD, STEPS)), rtol=1e-6
    )


def test_with_noise_the_held_out_curve_is_predicted_to_less_than_the_noise():
    noise = 2e-3
    made = [curve(name, lr, noise, seed) for seed, (name, lr) in enumerate(FITTED.items())]
    fit = fit_curves(made)
    (held,) = fit.score([curve("wsd", HELD)])
    assert held.max_rel_error < noise
    assert {one.name for one in fit.scores} == set(FITTED)


def test_scores_are_what_they_say():
    made = curve("cosine", FITTED["cosine"])
    off = LossCurve("off", made.lr, made.step, made.loss * 1.01)
    (one,) = score(THETA, [off])
    assert one.mean_rel_error == pytest.approx(0.01 / 1.01)
    assert one.max_rel_error == pytest.approx(0.01 / 1.01)
    assert one.mean_abs_error == pytest.approx(0.01 * made.loss.mean())
    error, centred = made.loss - off.loss, off.loss - off.loss.mean()
    assert one.r2 == pytest.approx(1 - (error @ error) / (centred @ centred))


def test_the_document_and_the_table(exact):
    document = json.loads(dumps(exact.to_dict()))
    assert document["schema"] == "isoloss.curve-fit"
    assert set(document["estimate"]) == set(THETA)
    assert exact.to_frame()["name"].to_list() == list(FITTED)
    assert "status ok" in exact.summary()


def test_a_rate_that_never_falls_is_refused():
    with pytest.raises(EvidenceError, match="no schedule lowers"):
        fit_curves([curve("constant", FITTED["constant"])])


def test_too_few_losses_are_refused():
    made = curve("cosine", FITTED["cosine"])
    with pytest.raises(EvidenceError, match="5 losses"):
        fit_curves([LossCurve("short", made.lr, made.step[:5], made.loss[:5])])


def test_losses_must_fit_the_steps_and_be_positive():
    lr = FITTED["cosine"]
    with pytest.raises(InputError, match="one loss per step"):
        LossCurve("a", lr, STEPS, np.ones(3))
    with pytest.raises(InputError, match="not a positive number"):
        LossCurve("a", lr, STEPS, np.zeros(len(STEPS)))


def test_delta_must_be_positive():
    with pytest.raises(InputError, match="positive number"):
        fit_curves([curve("cosine", FITTED["cosine"])], delta=0.0)


def test_curves_that_the_law_does_not_describe_end_in_a_status():
    # Eight thousand steps of the reference ladder: the search once ran out of numbers.
    rows = datasets.reference().where("\"group\" = 'curves' and steps = 8000 and d_model = 16")
    points = datasets.reference_curves().filter(series="loss_text")
    schedules = {"constant": constant(2**-7, 8000, 400), "cosine": cosine(2**-7, 0.0, 8000, 400)}
    curves = []
    for run_id, name in rows.frame.select("run_id", "lr_schedule").iter_rows():
        if name in schedules:
            mine = points.filter(run_id=run_id).filter(pl.col("step") > 400)
            step, loss = mine["step"].to_numpy() - 1, mine["value"].to_numpy()
            curves.append(LossCurve(name, schedules[name], step, loss))
    assert len(curves) == 2
    found = fit_curves(curves)
    assert found.status in ("failed", "not_identified")
    assert all(np.isfinite(value) for value in found.estimate.values())
    assert max(one.mean_rel_error for one in found.scores) < 0.02
