"""What a worker process does: each task takes plain values and gives plain values back.

The verbs of isoloss do the work. Files that came from a browser are read from memory, while the
process may not open any file.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.errors import InputError
from isoloss.ui.state import Reading

if TYPE_CHECKING:
    from isoloss.fitting import Fit, Objective
    from isoloss.runs import Runs

Report = Callable[[str], None]
Answer = dict[str, Any]
KEPT = 8

_tables: OrderedDict[str, Runs] = OrderedDict()
_fits: OrderedDict[str, Fit] = OrderedDict()


def prepare() -> None:
    """Read a small table in every format, so that all that reading needs is loaded.

    What is loaded need not be opened when ``no_files`` holds.
    """
    import io

    import polars as pl

    from isoloss.runs import read
    from isoloss.runs.readers import read_bytes

    frame = pl.DataFrame({"params": [1e6], "tokens": [1e8], "flop": [6e14], "loss": [3.0]})
    packed, lines = io.BytesIO(), io.BytesIO()
    frame.write_parquet(packed)
    frame.write_ndjson(lines)
    text = frame.write_csv().encode()
    tab = frame.write_csv(separator="\t").encode()
    contents = {"a.csv": text, "b.tsv": tab, "c.parquet": packed.getvalue()}
    for label, data in (contents | {"d.jsonl": lines.getvalue()}).items():
        read(read_bytes(data, label), where="loss > 1 AND loss IN (3.0)", scale={"tokens": 1.0})
    with suppress(InputError):
        read(read_bytes(text, "a.csv"), where="losses > 1")


def read_runs(arguments: dict[str, Any], report: Report) -> Answer:
    """A table, graded: the documents of ``runs check`` and ``runs list``."""
    from isoloss.runs.documents import check_document, runs_document

    report("reading")
    table = table_of(arguments)
    return {"check": check_document(table), "runs": runs_document(table)}


def fit_law(arguments: dict[str, Any], report: Report) -> Answer:
    """A law fitted to a table, saved under a path of the server's choice."""
    from isoloss.fitting import fit
    from isoloss.fitting.findings import with_findings

    report("reading the runs")
    table = table_of(arguments)
    law, settings = arguments["law"], arguments["settings"]
    report(f"fitting to {len(table.ok())} runs")
    found = fit(
        table,
        law,
        objective=_objective(settings),
        ci=settings["ci"],
        draws=settings["draws"],
        seed=settings["seed"],
    )
    found = with_findings(found, table, reading_words(arguments))
    report("writing the fit")
    found.save(arguments["into"])
    return {"document": found.to_dict()}


def backtest(arguments: dict[str, Any], report: Report) -> Answer:
    """A backtest of laws on a table, saved likewise."""
    from isoloss.validation import backtest
    from isoloss.validation.notes import with_notes

    report("reading the runs")
    table = table_of(arguments)
    settings = arguments["settings"]
    report("fitting to the small runs, predicting the large ones")
    found = backtest(
        table,
        arguments["laws"],
        target=arguments["target"],
        by=settings["by"],
        objective=_objective(settings),
        ci=settings["ci"],
        seed=settings["seed"],
    )
    found = with_notes(found, table)
    found.save(arguments["into"])
    return {"document": found.to_dict()}


def identify(arguments: dict[str, Any], report: Report) -> Answer:
    """What the runs of a fit leave open, and which further run would pin the answer most."""
    from isoloss.validation import identify

    report("looking for the run that says most")
    found = identify(
        fit_of(arguments["fit"]), target=arguments["target"], budget=arguments["budget"]
    )
    return {"document": found.to_dict()}


def plan(arguments: dict[str, Any], report: Report) -> Answer:
    """A plan from a fit."""
    return {"document": plan_of(arguments).to_dict()}


def published(arguments: dict[str, Any], report: Report) -> Answer:
    """What the published laws say at a budget."""
    from isoloss.planning import plan_published

    return {"document": plan_published(arguments["flop"]).to_dict()}


def plan_of(arguments: dict[str, Any]) -> Any:
    """The plan that some arguments ask for."""
    from isoloss.planning import plan
    from isoloss.validation import Backtest

    tested = arguments["backtest"]
    return plan(
        fit_of(arguments["fit"]),
        arguments["flop"],
        unique_tokens=arguments["u"],
        flop_per_token=arguments["flop_per_token"],
        backtest=None if tested is None else Backtest.load(tested),
    )


def draw(arguments: dict[str, Any], report: Report) -> Answer:
    """A figure."""
    from isoloss.ui.drawing import draw as drawn

    return drawn(arguments, report)


def write_report(arguments: dict[str, Any], report: Report) -> Answer:
    """A fit, its plan, its runs and, where it was made, its backtest, as one file."""
    from isoloss.report import render
    from isoloss.validation import Backtest

    found: list[Any] = [fit_of(arguments["fit"]), plan_of(arguments["plan"])]
    if arguments["backtest"] is not None:
        found.append(Backtest.load(arguments["backtest"]))
    runs = table_of(arguments["table"])
    return {"text": render(*found, runs, form=arguments["form"])}


TASKS: dict[str, Callable[[dict[str, Any], Report], Answer]] = {
    "read": read_runs,
    "fit": fit_law,
    "backtest": backtest,
    "identify": identify,
    "plan": plan,
    "published": published,
    "draw": draw,
    "report": write_report,
}


def table_of(arguments: dict[str, Any]) -> Runs:
    """The table that is meant, read once and kept.

    Raises:
        InputError: it cannot be read, or the files have changed since they were first read.
    """
    key: str = arguments["key"]
    if key not in _tables:
        keep(_tables, key, _read(arguments["source"], arguments["reading"]))
    table = _tables[key]
    expected = arguments.get("data_hash")
    if expected is not None and table.data_hash != expected:
        raise InputError(
            "the runs have changed on the disk since this page read them.",
            code="runs_changed",
            hint="Start isoloss ui again to read them anew.",
        )
    return table


def _read(source: dict[str, Any], reading: dict[str, str]) -> Runs:
    from isoloss.runs import read
    from isoloss.runs.readers import read_bytes

    options = Reading(**reading).arguments()
    if "paths" in source:  # given on the command line
        return read(*source["paths"], **options)
    contents = [(Path(one["path"]).read_bytes(), one["label"]) for one in source["files"]]
    with no_files():
        return read(*(read_bytes(data, label) for data, label in contents), **options)


def reading_words(arguments: dict[str, Any]) -> tuple[str, ...]:
    """How a table is read, as words of a command."""
    source = arguments["source"]
    files = source["paths"] if "paths" in source else [one["label"] for one in source["files"]]
    return (*map(str, files), *Reading(**arguments["reading"]).words())


@contextmanager
def no_files() -> Generator[None, None, None]:
    """Within the block the process can open no file, whatever the table or a condition says."""
    try:
        import resource
    except ImportError:  # no such limits on this system
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def fit_of(path: str) -> Fit:
    """The fit that lies at a path of the server's own, read once and kept."""
    from isoloss.fitting import Fit

    if path not in _fits:
        keep(_fits, path, Fit.load(path))
    return _fits[path]


def keep(kept: OrderedDict[str, Any], key: str, value: object) -> None:
    """Remember a value and forget the oldest beyond a few."""
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)


def _objective(settings: dict[str, Any]) -> Objective:
    from isoloss.fitting import Huber, Quantile, Squared, StudentT

    corner = settings["delta"] or 1e-3
    match settings["objective"]:
        case "squared":
            return Squared()
        case "student":
            return StudentT()
        case "quantile":
            return Quantile(0.5, corner)
        case _:
            return Huber(corner)
