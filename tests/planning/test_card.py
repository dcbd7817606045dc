"""Decision cards: numbers as people write them, commands that read back, and what is on them."""

from __future__ import annotations

import math
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.fitting import Fit, Notice, Quantity
from isoloss.planning import Card, plan, plan_law
from isoloss.planning.card import command_of, line, typed
from isoloss.runs import parse_quantity


@given(st.floats(1e-3, 1e30))
def test_numbers_in_commands_read_back_exactly(value: float) -> None:
    assert parse_quantity(typed(value)) == value


def test_commands_are_quoted_and_leave_out_what_is_not_given() -> None:
    command = command_of("plan", "12k H100-hours", fit="my fit.json", u=None, published=True, n=7e9)
    assert command == "isoloss plan '12k H100-hours' --fit 'my fit.json' --published --n 7B"
    assert shlex.split(command)[2] == "12k H100-hours"
    assert command_of("serve", served="0,2T", flag=False) == "isoloss serve --served 0,2T"


@pytest.mark.parametrize(
    ("quantity", "value", "interval"),
    [
        (Quantity(7e10, 4e10, 1e11), "70B", "40B to 100B"),
        (Quantity(7e10, 4e10, math.inf), "70B", "40B or more"),
        (Quantity(7e10, 0.0, 1e11), "70B", "100B or less"),
        (Quantity(1e24, math.nan, math.nan), "1e24", "no interval"),
        (Quantity(0.25, 0.25, 0.25), "0.25", "given"),
    ],
)
def test_lines_say_the_interval_in_words(quantity: Quantity, value: str, interval: str) -> None:
    one = line("N", quantity, "params")
    assert (one.value, one.interval) == (value, interval)
    assert one.to_dict()["estimate"] == quantity.estimate


def test_a_plan_gives_its_card(chinchilla_fit: Fit) -> None:
    made = plan(chinchilla_fit, 1e22, hardware="h100", mfu=0.4, price=2.0, devices=64)
    card = made.card()
    labels = [one.label for one in card.answer]
    assert labels[:3] == ["N", "D", "D/N"]
    assert labels[-3:] == ["device-hours", "days", "money"]
    assert card.why == made.why
    assert card.would_change == made.notes
    assert card.warnings == made.warnings
    assert "--hardware h100 --mfu 0.4 --price 2 --devices 64" in card.command
    for part in (*card.why, card.command, card.evidence, *(n.message for n in made.notes)):
        assert part in made.summary()
    text, page = str(card), card._repr_html_()
    for one in card.answer:
        assert one.value in text
        assert one.value in page


def test_reasons_are_those_of_the_law() -> None:
    made = plan_law("chinchilla", 1e24, key="epoch")
    half, tenfold = made.why
    assert "half of N costs +0.22% loss, twice N +0.22%" in half
    again = plan_law("chinchilla", 1e25, key="epoch")
    more = again.n_params.estimate / made.n_params.estimate
    data = again.tokens.estimate / made.tokens.estimate
    assert f"{more:.3g} times N and {data:.3g} times D" in tenfold


def test_what_is_written_by_users_is_escaped() -> None:
    card = Card(
        "<b>title</b>", (), 0.9, ("<i>why</i>",), (Notice("a", "<u>x</u>"),), (), "runs", "isoloss"
    )
    page = card._repr_html_()
    for tag in ("<b>title", "<i>", "<u>"):
        assert tag not in page
