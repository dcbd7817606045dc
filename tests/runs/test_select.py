"""Conditions: over the columns of the input, and over nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.runs import read

TABLE = {
    "Model Size": [1e8, 2e8, 4e8],
    "tokens": [2e9, 4e9, 8e9],
    "loss": [3.1, 2.9, 2.7],
    "dropped": [False, None, True],
    "mix": ["text", "code", "select"],
}


@pytest.mark.parametrize(
    ("sql", "kept"),
    [
        ('"Model Size" > 1e8', [2, 3]),
        ("NOT dropped", [1]),
        ("mix = 'text' OR loss < 2.8", [1, 3]),
        ("mix LIKE 's%'", [3]),
        ("mix = 'select'", [3]),
        ("mix IN ('text', 'code')", [1, 2]),
        ("loss BETWEEN 2.8 AND 3", [2]),
        ("loss > AVG(loss)", [1]),
        ("tokens / \"Model Size\" = 20 AND mix <> 'text'", [2, 3]),
        ("true", [1, 2, 3]),
    ],
)
def test_conditions(sql, kept):
    assert read(TABLE, where=sql).frame["run_id"].to_list() == [str(row) for row in kept]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "loss",
        "loss >",
        "loss > 1; drop table runs",
        "los > 3",
        "params > 1e8",
        "mix > 3",
        "loss + 1",
        "'text'",
        "*",
        "__row__ = 1",
        "(SELECT 1) = 1",
        "mix IN (SELECT * FROM read_csv('/etc/passwd'))",
        "mix IN (seLect a FROM '/etc/passwd')",
        "EXISTS (VALUES (1))",
        "read_csv('/etc/passwd') = 1",
        "mix IN /* ' */ (SELECT a FROM read_csv('/etc/passwd')) /* ' */",
        "mix = 'x' -- ' \n OR mix IN (SELECT a FROM read_csv('/etc/passwd')) -- '",
        "mix IN ($$ ' $$) OR mix IN (SELECT a FROM read_csv('/etc/passwd')) OR mix IN ($$ ' $$)",
        "`'` = 'x' OR mix IN (SELECT a FROM read_csv('/etc/passwd')) OR `'` = 'x'",
        "mix = E'\\' ' OR mix IN (SELECT a FROM read_csv('/etc/passwd')) OR mix = ' '",
        "mix IN (FROM read_csv('/etc/passwd'))",
        "a" * 20_000,
        "(" * 3_000,
        "NOT " * 2_000 + "dropped",
    ],
)
def test_what_is_no_condition(sql):
    with pytest.raises(InputError) as caught:
        read(TABLE, where=sql)
    assert caught.value.code == "bad_where"
    assert "Model Size" in (caught.value.hint or "")
    assert sql[:50] in caught.value.message


def test_no_row_is_left():
    with pytest.raises(InputError, match="no row meets") as caught:
        read(TABLE, where="loss > 30")
    assert caught.value.code == "no_rows"


def test_one_of_several_tables_may_have_no_row():
    other = {"params": [8e8], "loss": [2.5], "mix": ["text"]}
    runs = read({"params": [1e8], "loss": [3.0], "mix": ["code"]}, other, where="mix = 'text'")
    assert runs.points().params.tolist() == [8e8]


def test_rows_keep_their_number():
    with pytest.raises(InputError) as caught:
        read(TABLE | {"loss": [3.1, 2.9, -1.0]}, where='"Model Size" > 1e8')
    assert caught.value.where.row == 3


@given(st.text(max_size=30))
def test_any_text(sql):
    try:
        assert 0 < len(read(TABLE, where=sql)) <= 3
    except InputError as error:
        refused = error.code
    else:
        refused = "bad_where"
    assert refused in ("bad_where", "no_rows")
