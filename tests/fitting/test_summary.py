"""The fit as text and HTML: true to its numbers, and safe to show."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from isoloss.fitting import Notice, Quantity, fit
from isoloss.fitting.summary import as_html, rounded, summarise
from isoloss.laws import Law, Parameter
from isoloss.runs import Conventions
from tests.fitting.helpers import sweep

HOSTILE = "<script>alert('x')</script>&\"</td>"


@pytest.fixture(scope="module")
def made():
    return fit(sweep(noise=0.01, shared=0.003), draws=50)


def tags(text: str) -> list[str]:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append(tag)

    Reader().feed(text)
    return found


def test_the_summary_says_data_method_status_and_every_parameter(made):
    text = summarise(made)
    assert str(made) == made.summary() == text
    for part in ("chinchilla", "40 runs", "5 compute tiers", "Huber(0.001)", "12 starts"):
        assert part in text
    assert "L = E + A / N**alpha + B / D**beta" in text
    assert "nats/token" in text
    assert "90% by tier" in text
    assert f"status ok: {made.status_message}" in text
    for name in made.law.names:
        assert re.search(rf"^ +{name} +\S+ +\S+ to \S+$", text, re.MULTILINE), name
    assert "N* ~ C^" in text
    assert len(text) < 2000


def test_a_fit_without_intervals_says_so():
    text = fit(sweep(noise=0.01), ci="none").summary()
    assert "no interval" in text
    assert "nan" not in text.lower()


def test_warnings_are_in_the_summary(made):
    warned = replace(made, warnings=(Notice("few_tiers", "only two tiers"),))
    assert "! only two tiers" in warned.summary()
    assert "<li>only two tiers</li>" in warned._repr_html_()


@pytest.mark.parametrize(
    "quantity",
    [
        Quantity(1.8172181, 1.7715202, 1.8706061),
        Quantity(477.82587, 284.54707, 722.86047),
        Quantity(2.5e11, 1.1e7, 3.8e24),
        Quantity(-0.021, -0.024, -0.019),
        Quantity(1e-9, 5e-10, 2e-9),
        Quantity(0.0, 0.0, 1e-3),
    ],
)
def test_rounding_keeps_what_the_interval_says(quantity):
    texts = rounded(quantity)
    values = [float(text.replace(",", "")) for text in texts]
    width = quantity.hi - quantity.lo
    for value, exact in zip(values, (quantity.estimate, quantity.lo, quantity.hi), strict=True):
        assert value == pytest.approx(exact, abs=0.051 * width)
    assert all(len(text) <= 14 for text in texts)


@pytest.mark.parametrize(
    "quantity",
    [
        Quantity(1.25, np.nan, np.nan),
        Quantity(1.25, 1.25, 1.25),
        Quantity(1.25, -np.inf, np.inf),
        Quantity(np.nan, np.nan, np.nan),
        Quantity(np.inf, 1.0, np.inf),
    ],
)
def test_rounding_of_numbers_without_a_width(quantity):
    assert all(isinstance(text, str) for text in rounded(quantity))
    if quantity.estimate == 1.25:
        assert float(rounded(quantity)[0]) == 1.25


def test_html_is_a_table_of_the_same(made):
    text = made._repr_html_()
    assert tags(text).count("tr") == 1 + 5 + 2
    assert "<code>E + A / N**alpha + B / D**beta</code>" in text


def test_hostile_names_stay_text(made):
    law = Law(
        HOSTILE,
        "E + A / N**alpha",
        (Parameter("E"), Parameter("A", positive=True), Parameter("alpha")),
        variables=("N",),
    )
    hostile = replace(
        made,
        law=law,
        estimate={"E": 1.0, "A": 2.0, "alpha": 0.3},
        parameters={HOSTILE: Quantity(1.0, 0.5, 1.5)},
        status_message=HOSTILE,
        warnings=(Notice("x", HOSTILE),),
        points=replace(made.points, conventions=Conventions(f"column:{HOSTILE}", "given", HOSTILE)),
    )
    text = as_html(hostile)
    assert "script" not in tags(text)
    assert text.count("&lt;script&gt;") == 4
    assert set(tags(text)) <= {"p", "b", "br", "code", "table", "tr", "th", "td", "ul", "li"}
    assert HOSTILE in summarise(hostile)  # plain text needs no escape
