"""The shipped runs are where the package says, and their cards explain every column."""

from __future__ import annotations

import csv

import pytest

from isoloss import datasets
from isoloss.errors import InputError


def test_small_ladder_has_its_237_runs() -> None:
    with datasets.path("small_ladder").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 237
    assert sum(row["study"] == "ladder" for row in rows) == 126
    assert {row["flops_budget"] for row in rows if row["study"] == "ladder"} == {
        "30000000000.0",
        "100000000000.0",
        "300000000000.0",
        "1000000000000.0",
    }


@pytest.mark.parametrize("name", datasets.names())
def test_card_explains_every_column(name: str) -> None:
    with datasets.path(name).open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    text = datasets.card(name)
    assert [column for column in header if f"`{column}`" not in text] == []


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="small_ladder") as caught:
        datasets.path("../errors")
    assert caught.value.code == "unknown_dataset"
