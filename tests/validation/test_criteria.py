"""Information criteria: certified likelihoods, closed forms, what counts as a parameter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

import isoloss as iso
from isoloss.fitting import Huber, Quantile, Squared, StudentT
from isoloss.validation.criteria import (
    criteria,
    likelihood_ratio,
    log_normaliser,
    n_free,
    profile_likelihood,
)
from tests.validation.simulate import sweep


@pytest.fixture(scope="module")
def fits():
    runs = sweep("coupled", seed=3)
    return {law: iso.fit(runs, law, ci="none") for law in ("chinchilla", "coupled")}


@pytest.mark.parametrize("delta", [1e-4, 1e-3, 1e-1])
@pytest.mark.parametrize("sigma", [1e-4, 2e-3, 3e-2])
def test_normaliser_of_huber_is_the_closed_form(delta, sigma):
    k = delta / sigma
    closed = sigma * (np.sqrt(2 * np.pi) * erf(k / np.sqrt(2)) + 2 / k * np.exp(-(k**2) / 2))
    assert log_normaliser(Huber(delta), sigma**2) == pytest.approx(np.log(closed), abs=1e-8)


def test_normaliser_of_least_squares_and_of_student():
    assert log_normaliser(Squared(), 4e-6) == pytest.approx(0.5 * np.log(2 * np.pi * 4e-6))
    # With s = scale^2 the density is Student's own: scale sqrt(4 pi) gamma(2) / gamma(5/2).
    assert log_normaliser(StudentT(0.01, 4.0), 1e-4) == pytest.approx(np.log(0.08 / 3), abs=1e-6)


def test_scale_of_least_squares_is_the_variance():
    residuals = np.random.default_rng(0).normal(0, 0.01, 200)
    log_likelihood, scale = profile_likelihood(Squared(), residuals)
    variance = np.mean(residuals**2)
    assert scale == pytest.approx(variance, rel=1e-6)
    assert log_likelihood == pytest.approx(-100 * (np.log(2 * np.pi * variance) + 1))


def test_profiled_scale_is_a_maximum():
    residuals = np.random.default_rng(1).standard_t(3, 100) * 0.004
    for objective in (Huber(1e-3), Huber(1e-2), StudentT(), Quantile(0.2)):
        best, scale = profile_likelihood(objective, residuals)
        total = np.sum(objective.value(residuals))
        for factor in (0.8, 1.25):
            other = -total / (scale * factor) - 100 * log_normaliser(objective, scale * factor)
            assert other < best


def test_likelihoods_of_published_fits(published_data):
    """The log likelihoods 562.25, 837.78 and 879.77 of Besiroglu et al. 2024, cell 48."""
    runs = iso.read(published_data / "chinchilla_epoch.csv", where="NOT dropped_by_epoch")
    found = iso.fit(runs, "chinchilla", ci="none")
    points = found.points
    hoffmann = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    unrounded = {"E": 1.69337, "A": 406.40, "B": 410.74, "alpha": 0.33917084, "beta": 0.2849083}
    for theta, certified in ((hoffmann, 562.25), (unrounded, 837.78), (found.estimate, 879.77)):
        law = found.law.value(theta, {"N": points.params, "D": points.tokens})
        residuals = np.log(points.loss / law)
        assert profile_likelihood(Huber(1e-3), residuals)[0] == pytest.approx(certified, abs=0.3)
    larger = iso.fit(runs, "coupled", ci="none")
    test = likelihood_ratio(found, larger)
    assert test.freedom == 1
    assert test.statistic == pytest.approx(28.21, abs=0.02)
    assert test.p_value == pytest.approx(1.1e-7, rel=0.05)


def test_criteria_count_the_scale(fits):
    found = criteria(fits["chinchilla"])
    assert found.n_free == 5
    assert found.aic == pytest.approx(12 - 2 * found.log_likelihood)
    assert found.bic == pytest.approx(6 * np.log(found.n_runs) - 2 * found.log_likelihood)
    assert set(found.to_dict()) >= {"aic", "bic", "scale", "n_free"}


def test_fixed_and_tied_parameters_are_not_free():
    runs = sweep()
    assert n_free(iso.fit(runs, ci="none", fixed={"E": 1.8})) == 4
    assert n_free(iso.fit(runs, ci="none", tied=[("alpha", "beta")])) == 4


def test_larger_law_is_preferred_where_it_is_true(fits):
    small, large = criteria(fits["chinchilla"]), criteria(fits["coupled"])
    assert large.aic < small.aic
    assert large.bic < small.bic
    assert likelihood_ratio(fits["chinchilla"], fits["coupled"]).p_value < 1e-6


def test_ratio_test_needs_nested_fits_to_the_same_runs(fits):
    with pytest.raises(iso.InputError, match="same runs"):
        likelihood_ratio(fits["coupled"], fits["chinchilla"])
    other = iso.fit(sweep(seed=9), "coupled", ci="none")
    with pytest.raises(iso.InputError, match="same runs"):
        likelihood_ratio(fits["chinchilla"], other)
