"""A ladder in a folder: which runs are wanted, which are done, and the table that they make.

    ladder.json          the runs as specified, with their labels
    corpora/             the corpus
    runs/<id>/           spec, curve, states and, when finished, row.json of each run
    runs.parquet         one row per finished run, in the columns of `isoloss.runs`
    curves.parquet       run_id, step, tokens, series, value

Everything can be told from the files alone, so that a second driver, on this machine or another,
goes on where the first one stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from isoloss.atomic import replacing, write_text
from isoloss.document import dumps
from isoloss.errors import InputError, Where
from isoloss.runs.grading import UNGRADED
from isoloss.training.corpora import Corpus, build_corpus, open_corpus
from isoloss.training.layout import ATTEMPTS, CORPORA, CURVE, CURVES, PLAN, ROW, RUNS
from isoloss.training.locks import make_folder
from isoloss.training.spec import RunSpec, run_from_dict
from isoloss.training.templates import LadderSpec, Planned, trunk_id

if TYPE_CHECKING:
    from isoloss.runs import Runs

MOST_ATTEMPTS = 3
N = "matmul"
"""The count that is N where the runs of a ladder are read, unless their trainer says otherwise."""


@dataclass(frozen=True)
class Ladder:
    """A ladder on disk.

    Attributes:
        folder: where it lies.
        name: of the ladder.
        corpus_folder: where its corpus lies; None where runs bring data of their own.
        runs: what is to be trained, cheapest first.
        trainer_folder: where commands that train are called.
        timeout_seconds: how long such a command may take.
    """

    folder: Path
    name: str
    corpus_folder: Path | None
    runs: tuple[Planned, ...]
    trainer_folder: Path | None = None
    timeout_seconds: float = math.inf
    _finished: dict[str, dict[str, Any]] = field(
        default_factory=dict[str, dict[str, Any]], compare=False, repr=False
    )

    def corpus(self) -> Corpus | None:
        """What the runs read.

        Raises:
            InputError: it is missing, harmed, or not the one that the runs are specified for.
        """
        if self.corpus_folder is None:
            return None
        found = open_corpus(self.corpus_folder)
        for planned in self.runs:
            if planned.spec.data.corpus != found.digest:
                raise InputError(
                    f"this corpus is {found.digest}, and the runs of the ladder are specified for "
                    f"{planned.spec.data.corpus}.",
                    code="other_corpus",
                    where=Where(file=str(self.corpus_folder)),
                    hint="isoloss ladder run LADDER.toml specifies them for this one; runs that "
                    "read the other are then trained again.",
                )
        return found

    @property
    def trained_by_commands(self) -> bool:
        """Whether no run needs the built-in trainer, nor PyTorch."""
        return all(planned.spec.trainer for planned in self.runs)

    def part(self, folder: Path, corpus_folder: Path | None, runs: tuple[Planned, ...]) -> Ladder:
        """Some of the runs of this ladder, in another folder or for another process."""
        return replace(self, folder=folder, corpus_folder=corpus_folder, runs=runs, _finished={})

    def home(self, spec: RunSpec) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / spec.run_id

    def row(self, spec: RunSpec) -> dict[str, Any] | None:
        """The row of a run, if it is finished; a row once read never changes."""
        found = self._finished.get(spec.run_id)
        if found is None:
            found = read_object(self.home(spec) / ROW)
            if found is None:
                return None
            self._finished[spec.run_id] = found
        return found

    def waiting(self) -> Iterator[Planned]:
        """The runs that are not finished."""
        yield from (planned for planned in self.runs if self.row(planned.spec) is None)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all finished runs, in the order of the ladder."""
        found = (self.row(planned.spec) for planned in self.runs)
        return [row for row in found if row is not None]

    def table(self) -> Runs:
        """The finished runs as every other verb reads them.

        Raises:
            InputError: none is finished.
        """
        from isoloss.runs import read

        return read(self.folder)

    def curves(self) -> list[dict[str, Any]]:
        """The points of all loss curves in the long form."""
        found: list[dict[str, Any]] = []
        for planned in self.runs:
            for line in lines(self.home(planned.spec) / CURVE):
                found += [
                    {
                        "run_id": planned.spec.run_id,
                        "step": int(line["step"]),
                        "tokens": int(line["tokens"]),
                        "series": name,
                        "value": None if value is None else float(value),
                    }
                    for name, value in line.items()
                    if name not in ("step", "tokens") and (value is None or _is_number(value))
                ]
        return found

    def forget(self) -> int:
        """Let runs be trained again that could not be: no memory, failed commands, dead workers.

        A run that diverged stays: it would diverge again. Returns how many will be tried.
        """
        count = 0
        for planned in self.runs:
            row = self.row(planned.spec)
            if row is not None and row["status"] == "excluded" and row["reason"] != "diverged":
                (self.home(planned.spec) / ROW).unlink(missing_ok=True)
                (self.home(planned.spec) / ATTEMPTS).unlink(missing_ok=True)
                del self._finished[planned.spec.run_id]
                count += 1
        return count

    def collect(self) -> int:
        """Write the tables of what is finished; returns the number of rows."""
        import polars as pl

        rows = self.rows()
        if rows:
            # Which count is N, so that every reader of the table takes the same one.
            n = next((row["n_convention"] for row in rows if row.get("n_convention")), N)
            frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
                n_convention=pl.lit(n), provenance=pl.lit(UNGRADED)
            )
            frame = frame.drop("reason") if frame["reason"].is_null().all() else frame
            with replacing(self.folder / RUNS) as temporary:
                frame.write_parquet(temporary)
        curves = self.curves()
        if curves:
            with replacing(self.folder / CURVES) as temporary:
                pl.DataFrame(curves, infer_schema_length=None).write_parquet(temporary)
        return len(rows)


def prepare(spec: LadderSpec, folder: str | Path) -> Ladder:
    """The ladder in its folder: the corpus built, the runs written down.

    Runs that were finished there before, under this or an earlier version of the specification,
    are kept: a run is known by what determines its result.
    """
    home = Path(folder)
    make_folder(home)
    _same_ladder(spec, home)
    corpus = build_its_corpus(spec, home)
    runs = tuple(_placed(planned, spec.name, corpus) for planned in spec.runs)
    document = {
        "name": spec.name,
        "corpus": None if corpus is None else corpus.folder.name,
        "trainer_folder": spec.trainer_folder,
        "timeout_seconds": spec.timeout_seconds,
        **({"pilot": dict(spec.pilot)} if spec.pilot else {}),
        "runs": [{"spec": one.spec.to_dict(), "labels": dict(one.labels)} for one in runs],
    }
    write_text(home / PLAN, dumps(document))
    return open_ladder(home)


def build_its_corpus(spec: LadderSpec, home: Path) -> Corpus | None:
    """The corpus of a ladder, built or opened in its folder; None where runs bring data."""
    if not spec.sources:
        return None
    return build_corpus(
        spec.sources,
        home / CORPORA,
        tokenizer=spec.tokenizer,
        validation=spec.validation,
        keep=spec.keep,
    )


def _same_ladder(spec: LadderSpec, home: Path) -> None:
    """Refuse a folder whose finished runs belong to a ladder of another name.

    Raises:
        InputError: they do; their table would lose them.
    """
    before = read_object(home / PLAN)
    if before is None or before.get("name") == spec.name or not any(home.glob(f"runs/*/{ROW}")):
        return
    raise InputError(
        f'this folder holds the runs of another ladder, "{before.get("name")}".',
        code="other_ladder",
        where=Where(file=str(home)),
        hint=f'Choose another folder with --into; where "{spec.name}" is the same ladder, '
        "give it the same name.",
    )


def open_ladder(folder: str | Path) -> Ladder:
    """A ladder that was prepared before.

    Raises:
        InputError: there is none in this folder.
    """
    home = Path(folder)
    try:
        document = json.loads((home / PLAN).read_text(encoding="utf-8"))
    except OSError:
        raise InputError(
            "there is no ladder in this folder.",
            code="no_ladder",
            where=Where(file=str(home)),
            hint="isoloss ladder run LADDER.toml --into FOLDER starts one.",
        ) from None
    except ValueError:
        document = None
    try:
        return _ladder(home, document)
    except (InputError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            "this file is not whole, or not written by this version of isoloss.",
            code="bad_ladder",
            where=Where(file=str(home / PLAN)),
            hint="isoloss ladder run LADDER.toml writes it again; finished runs are kept.",
        ) from error


def _ladder(home: Path, document: Any) -> Ladder:
    corpus, limit = document["corpus"], document["timeout_seconds"]
    called_in = document["trainer_folder"]
    runs = tuple(Planned(run_from_dict(one["spec"]), one["labels"]) for one in document["runs"])
    if not runs:
        raise ValueError("a ladder has runs")
    return Ladder(
        folder=home,
        name=document["name"],
        corpus_folder=None if corpus is None else home / CORPORA / str(corpus),
        runs=runs,
        trainer_folder=None if called_in is None else Path(called_in),
        timeout_seconds=math.inf if limit is None else float(limit),
    )


def _placed(planned: Planned, ladder: str, corpus: Corpus | None) -> Planned:
    """A run on the corpus of its ladder. A trunk on another corpus is another trunk."""
    run = _on(planned.spec, corpus)
    labels = {"group": ladder, **planned.labels}
    if "branch_of" in labels:
        labels["branch_of"] = trunk_id(run)
    return Planned(run, labels)


def _on(spec: RunSpec, corpus: Corpus | None) -> RunSpec:
    """A run on a corpus: its vocabulary and hash filled in."""
    if corpus is None:
        return spec
    return replace(
        spec,
        model=replace(spec.model, vocab=corpus.vocab),
        data=replace(spec.data, corpus=corpus.digest),
    )


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The points of a loss curve that are whole: objects with ``step`` and ``tokens``."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            found: Any = json.loads(line)
        except ValueError:
            # The last line of a run that was killed while writing it.
            continue
        point = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if _is_number(point.get("step"), point.get("tokens")):
            yield point


def _is_number(*values: Any) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None where there is no such file or it is not whole."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
