"""A stored fit comes back bit for bit, and a damaged one never as something else."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isoloss.errors import InputError
from isoloss.fitting import Fit, Huber, Quantile, Squared, StudentT, fit
from isoloss.laws import Law, Parameter, law_from_formula
from isoloss.runs import Conventions
from tests.fitting.helpers import CHINCHILLA, make_points, repeated, sweep


def assert_same(one: Fit, two: Fit) -> None:
    """Equal in every field, arrays bit for bit."""
    for field in fields(Fit):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes(), field.name
        elif field.name == "points":
            for part in fields(type(a)):
                old, new = getattr(a, part.name), getattr(b, part.name)
                if part.name in ("columns", "codes"):
                    assert list(old) == list(new)
                    assert all(old[k].tobytes() == new[k].tobytes() for k in old)
                elif isinstance(old, np.ndarray):
                    assert old.dtype == new.dtype
                    assert old.tobytes() == new.tobytes(), part.name
                else:
                    assert old == new, part.name
        elif field.name == "parameters":
            assert {k: repr(q) for k, q in a.items()} == {k: repr(q) for k, q in b.items()}
        elif field.name == "law":
            assert (a.name, a.formula, a.parameters) == (b.name, b.formula, b.parameters)
            assert (a.variables, dict(a.where), a.additive) == (
                (b.variables, dict(b.where), b.additive)
            )
        else:
            assert a == b, field.name


def there_and_back(made: Fit, folder: Path) -> Fit:
    made.save(folder / "fit.json")
    return Fit.load(folder / "fit.json")


class Stored(bytes):
    """The bytes of a file, of which a failing test prints no more than this."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Stored:
    path = tmp_path_factory.mktemp("fit") / "fit.json"
    fit(sweep(noise=0.01), draws=10).save(path)
    return Stored(path.read_bytes())


# ---------------------------------------------------------------------------- there and back

COLUMNS = make_points(
    sweep(noise=0.01).loss,
    sweep().params,
    sweep().tokens,
    columns={"lr": np.linspace(0.0, 1e-3, 40), "gaps": np.full(40, np.nan)},
    codes={"family": np.arange(40) % 3 - 1},
)


@pytest.mark.parametrize(
    "made",
    [
        fit(sweep(noise=0.01), draws=20),
        fit(sweep(noise=0.01), ci="none"),
        fit(sweep(noise=0.01), ci="profile", fixed={"beta": 1 / 3}, tied=[("A", "B")]),
        fit(COLUMNS, ci="column:family", draws=20, seed=11, level=0.8),
        fit(sweep(noise=0.01), bounds={"alpha": (0.1, 0.4), "A": (1.0, np.inf)}, draws=20),
        fit(replace(sweep(noise=0.01), tier=np.zeros(40, dtype=np.int64)), draws=20),
        fit(repeated(noise=0.01), "repetition", draws=5),
        fit(sweep(noise=0.01), "coupled", draws=5, objective=StudentT(0.0123, 3.3)),
        fit(sweep(noise=0.01), objective=Quantile(0.2, 1e-3), draws=5),
        fit(sweep(noise=0.01), objective=Squared(), draws=5),
        fit(sweep(noise=0.01), "E + A*N**-alpha + B*(D+1)**-beta", draws=5),
    ],
    ids=lambda made: f"{made.law.name}-{made.ci}-{made.objective.name}",
)
def test_nothing_is_lost(made, tmp_path):
    again = there_and_back(made, tmp_path)
    assert_same(made, again)
    assert again.to_dict() == made.to_dict() or "nan" in repr(made.to_dict())
    assert again.summary() == made.summary()
    x = {"N": 1e9, "D": 2e10, "U": 1e10}
    assert repr(again.predict(x).loss) == repr(made.predict(x).loss)


def test_a_law_of_ones_own_comes_back_and_can_be_fitted_again(tmp_path):
    law = law_from_formula("E + A / width**alpha", variables=("width",), name="wide")
    width = np.geomspace(1, 100, 30)
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(30))
    points = make_points((2 + 3 / width**0.5) * noise, width, columns={"width": width})
    made = fit(points, law, draws=5)
    again = there_and_back(made, tmp_path)
    assert_same(made, again)
    assert fit(again.points, again.law, ci="none").estimate == made.estimate


def test_a_law_under_a_built_in_name_keeps_its_own_order_of_parameters(tmp_path):
    # The same formula with its parameters in another order: the draws are in that order.
    own = Law(
        "chinchilla",
        "E + A / N**alpha + B / D**beta",
        (
            Parameter("alpha", bounds=(0.0, 3.0), start=(0.05, 1.2)),
            Parameter("beta", bounds=(0.0, 3.0), start=(0.05, 1.2)),
            Parameter("A", positive=True),
            Parameter("B", positive=True),
            Parameter("E", bounds=(0.0, np.inf)),
        ),
    )
    made = fit(sweep(noise=0.01), own, draws=20)
    again = there_and_back(made, tmp_path)
    assert again.law.names == own.names
    one, two = (f.interval(lambda t: t["alpha"]) for f in (made, again))
    assert one == two


def test_special_numbers_are_kept(tmp_path):
    made = fit(sweep(noise=0.01), draws=5)
    draws = made.draws.copy()
    draws[0] = [np.nan, np.inf, -np.inf, -0.0, 5e-324]
    again = there_and_back(replace(made, draws=draws, condition_number=np.inf), tmp_path)
    assert again.draws.tobytes() == draws.tobytes()
    assert again.condition_number == np.inf


def test_hostile_names_of_runs_are_kept(tmp_path):
    names = ["</script>", '"', "\\", "\u2028", "é\U0001f600", "NaN", "", "a\nb", "\x00"]
    points = sweep(noise=0.01)
    points = replace(points, run_id=tuple((names * 5)[:40]))
    assert there_and_back(fit(points, ci="none"), tmp_path).points.run_id == points.run_id


def test_the_file_is_strict_json_and_the_document_is_in_it(tmp_path):
    made = fit(sweep(noise=0.01), ci="none")  # its intervals are NaN
    made.save(tmp_path / "fit.json")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    text = (tmp_path / "fit.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert document["schema"] == "isoloss.fit"
    assert document["parameters"]["alpha"]["lo"] is None
    assert document["estimate"]["alpha"] == made.estimate["alpha"]
    assert document["n_runs"] == 40


def test_saving_twice_gives_the_same_bytes(tmp_path):
    made = fit(sweep(noise=0.01), draws=5)
    made.save(tmp_path / "one.json")
    Fit.load(tmp_path / "one.json").save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


# ---------------------------------------------------------------------------- damage

IN_ONE_FOLDER = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def load_bytes(data: bytes, folder: Path) -> Fit:
    path = folder / "fit.json"
    path.write_bytes(data)
    return Fit.load(path)


@IN_ONE_FOLDER
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_off_anywhere_is_refused(stored, tmp_path, share):
    cut = stored[: int(share * (len(stored) - 2))]  # the last two are a brace and a line end
    with pytest.raises(InputError) as caught:
        load_bytes(cut, tmp_path)
    assert caught.value.where.file == str(tmp_path / "fit.json")
    assert caught.value.hint


@IN_ONE_FOLDER
@given(at=st.integers(0, 10**9), byte=st.integers(0, 255))
def test_a_flipped_byte_is_refused_or_harmless(stored, tmp_path, at, byte):
    data = bytearray(stored)
    data[at % len(data)] = byte
    try:
        made = load_bytes(bytes(data), tmp_path)
    except InputError:
        return
    assert isinstance(made, Fit)


def paths(value, here=()):
    """Every place in a document."""
    if here:
        yield here
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*here, key))
    elif isinstance(value, list):
        for number, item in enumerate(value[:2]):  # the first two stand for all
            yield from paths(item, (*here, number))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    choice=st.integers(0, 10**6),
    value=st.sampled_from(
        [None, True, -1, 0, 1.5, 10**400, "", "x", "0x1p99999", "nan", [], [1], {}, {"a": 1}]
    ),
)
def test_any_part_replaced_is_refused_or_harmless(stored, tmp_path, choice, value):
    document = json.loads(stored)
    places = list(paths(document))
    *way, last = places[choice % len(places)]
    inside = document
    for key in way:
        inside = inside[key]
    inside[last] = value
    try:
        made = load_bytes(json.dumps(document).encode(), tmp_path)
    except InputError:
        return
    # What is accepted can be used: no later surprise of another kind.
    assert isinstance(made.summary(), str)
    assert made.draws.shape == (len(made.draws), len(made.law.names))
    assert len(made.residuals) == len(made.points)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.integers(0, 10**6))
def test_any_part_taken_out_of_the_state_is_refused(stored, tmp_path, choice):
    document = json.loads(stored)
    places = list(paths(document["state"]))
    *way, last = places[choice % len(places)]
    inside = document["state"]
    for key in way:
        inside = inside[key]
    del inside[last]
    try:
        made = load_bytes(json.dumps(document).encode(), tmp_path)
    except InputError:
        return
    # Only what has a default, or is known of a built-in law, may be missing.
    optional = {"meaning", "positive", "unit", "start", "additive", "where", "variables", "reading"}
    optional |= {"spread", *vars(Conventions())}
    assert optional & {*way, last}
    assert made.draws.shape == (10, 5)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_fit"),
        (b"\xff\xfe\x00", "not_a_fit"),
        (b"<html></html>", "not_a_fit"),
        (b"[]", "not_a_fit"),
        (b"3", "not_a_fit"),
        (b'"isoloss.fit"', "not_a_fit"),
        (b'{"schema": "isoloss.plan", "version": 1}', "not_a_fit"),
        (b'{"schema": "isoloss.fit", "version": 2, "state": {}}', "not_a_fit"),
        (b'{"schema": "isoloss.fit", "version": 1}', None),
        (b'{"schema": "isoloss.fit", "version": 1, "state": []}', "damaged_fit"),
        (b'{"schema": "isoloss.fit", "version": 1, "state": {}}', "damaged_fit"),
        (b"[" * 100_000, "not_a_fit"),
        (b'{"a": ' * 100_000, "not_a_fit"),
        (b'{"schema": "isoloss.fit", "version": ' + b"9" * 5000 + b"}", "not_a_fit"),
    ],
    ids=range(14),
)
def test_files_that_hold_no_fit(tmp_path, content, code):
    with pytest.raises(InputError) as caught:
        load_bytes(content, tmp_path)
    assert code is None or caught.value.code == code
    assert caught.value.hint is not None
    assert len(str(caught.value)) < 1000


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(InputError) as caught:
            Fit.load(path)
        assert caught.value.where.file == str(path)


def test_a_formula_from_a_file_is_not_trusted(stored, tmp_path):
    document = json.loads(stored)
    law = document["state"]["law"]
    law["name"] = "mine"
    for hostile in ("__import__('os').system('true')", "E.__class__", "A**A**A**A**A**9999999"):
        law["formula"] = hostile
        with pytest.raises(InputError):
            load_bytes(json.dumps(document).encode(), tmp_path)


# ---------------------------------------------------------------------------- the disk


def test_killed_while_saving(tmp_path):
    path = tmp_path / "fit.json"
    fit(sweep(noise=0.01), ci="none").save(path)
    before = path.read_bytes()
    code = (
        "import os, signal, sys, isoloss.atomic as atomic\n"
        "from tests.fitting.helpers import sweep\n"
        "from isoloss.fitting import fit\n"
        "made = fit(sweep(noise=0.05), draws=200)\n"
        "atomic._flush = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "made.save(sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert Fit.load(path).n_runs == 40


def test_a_full_disk_leaves_the_old_fit(tmp_path, monkeypatch):
    path = tmp_path / "fit.json"
    fit(sweep(noise=0.01), ci="none").save(path)
    before = path.read_bytes()

    def full(_path, _data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError) as caught:
        fit(sweep(noise=0.02), ci="none").save(path)
    assert caught.value.code == "disk_full"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["fit.json"]


def test_saving_to_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError) as caught:
        fit(sweep(), ci="none").save(tmp_path / "nowhere" / "fit.json")
    assert caught.value.code == "no_such_folder"


def test_the_estimate_is_not_rounded_by_the_way(tmp_path):
    made = fit(sweep(noise=0.01), ci="none", objective=Huber(1e-3))
    odd = replace(made, estimate={**made.estimate, "E": float(np.nextafter(CHINCHILLA["E"], 2))})
    assert there_and_back(odd, tmp_path).estimate["E"] == np.nextafter(CHINCHILLA["E"], 2)
