"""The differential procedure: exact on its own law, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isoloss as iso
from isoloss.document import dumps
from isoloss.errors import EvidenceError, InputError
from isoloss.laws import get_published
from isoloss.laws.farseer import FARSEER
from isoloss.validation.farseer_piecewise import farseer_piecewise

TRUTH = dict(get_published("farseer", "refit").values)


def grid(sizes=8, tokens=14, ratio=2**0.5):
    n = np.repeat(2e8 * 2 ** (0.5 * np.arange(sizes)), tokens)
    d = np.tile(2e9 * ratio ** np.arange(tokens), sizes)
    return n, d


def table(n, d, loss):
    return iso.read({"params": n, "tokens": d, "loss": loss})


@pytest.fixture(scope="module")
def exact():
    n, d = grid()
    return farseer_piecewise(table(n, d, FARSEER.value(TRUTH, {"N": n, "D": d})))


def test_losses_of_the_law_itself_give_each_size_its_exponent_and_term(exact):
    at = {name: value for name, value in TRUTH.items()}
    exponent = np.exp(at["a1"] * exact.params ** at["alpha"] + at["b1"])
    term = np.exp(at["a2"] * exact.params ** at["beta"] + at["b2"])
    endless = np.exp(at["a3"] * exact.params ** at["gamma"] + at["b3"])
    np.testing.assert_allclose(exact.data_exponent, exponent, rtol=1e-9)
    np.testing.assert_allclose(exact.data_term, term, rtol=1e-7)
    # The curves come from a grid of exponents, so what they leave is near, not equal.
    np.testing.assert_allclose(exact.endless, endless, rtol=2e-5)
    assert np.all(exact.n_pairs == 13)


def test_losses_of_the_law_itself_are_fitted_to_the_grid_of_exponents(exact):
    assert exact.rms_log < 2e-6
    for name in ("alpha", "beta"):
        assert exact.estimate[name] == pytest.approx(TRUTH[name], abs=2e-3)
    n, d = np.array([3e9, 2e10]), np.array([1e11, 1e12])
    np.testing.assert_allclose(
        exact.predict(n, d), FARSEER.value(TRUTH, {"N": n, "D": d}), rtol=1e-4
    )


def test_the_order_of_the_runs_does_not_matter(exact):
    n, d = grid()
    loss = FARSEER.value(TRUTH, {"N": n, "D": d})
    mixed = np.random.default_rng(0).permutation(len(n))
    again = farseer_piecewise(table(n[mixed], d[mixed], loss[mixed]))
    assert again.estimate == pytest.approx(exact.estimate, rel=1e-9)


def test_sizes_without_enough_pairs_are_named():
    n, d = grid()
    loss = FARSEER.value(TRUTH, {"N": n, "D": d})
    keep = (n > n.min()) | (np.arange(len(n)) < 5)
    found = farseer_piecewise(table(n[keep], d[keep], loss[keep]))
    assert found.left_out == (n.min(),)
    assert found.n_runs == len(n) - 14
    assert "2e+08" in found.summary()


def test_a_grid_of_another_ratio_is_refused():
    n, d = grid(ratio=2.0)
    loss = FARSEER.value(TRUTH, {"N": n, "D": d})
    with pytest.raises(EvidenceError, match=r"0 size\(s\)"):
        farseer_piecewise(table(n, d, loss))


def test_losses_that_fall_faster_with_more_data_are_refused():
    n, d = grid()
    with pytest.raises(EvidenceError, match=r"0 size\(s\)"):
        farseer_piecewise(table(n, d, 5 - (d / d.max()) ** 2))


def test_rounds_must_be_positive():
    n, d = grid()
    with pytest.raises(InputError, match="0 rounds"):
        farseer_piecewise(table(n, d, FARSEER.value(TRUTH, {"N": n, "D": d})), rounds=0)


def test_the_document_has_one_row_per_size(exact):
    document = json.loads(dumps(exact.to_dict()))
    assert document["schema"] == "isoloss.farseer-piecewise"
    assert len(document["sizes"]) == len(exact.params) == exact.to_frame().height
    assert set(document["estimate"]) == set(FARSEER.names)
