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
from typing import Any, cast

from isoloss.atomic import replacing, write_text
from isoloss.document import dumps
from isoloss.errors import InputError, Where
from isoloss.training.corpora import Corpus, build_corpus, open_corpus
from isoloss.training.layout import ATTEMPTS, CURVE, CURVES, PLAN, ROW, RUNS
from isoloss.training.locks import make_folder
from isoloss.training.spec import RunSpec, run_from_dict
from isoloss.training.templates import LadderSpec, Planned, trunk_id

MOST_ATTEMPTS = 3


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
        """What the runs read."""
        return None if self.corpus_folder is None else open_corpus(self.corpus_folder)

    @property
    def trained_by_commands(self) -> bool:
        """Whether no run needs the built-in trainer, nor PyTorch."""
        return all(planned.spec.trainer for planned in self.runs)

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

    def curves(self) -> list[dict[str, Any]]:
        """The points of all loss curves in the long form."""
        found: list[dict[str, Any]] = []
        for planned in self.runs:
            for line in lines(self.home(planned.spec) / CURVE):
                series = {k: v for k, v in line.items() if k not in ("step", "tokens")}
                found += [
                    {
                        "run_id": planned.spec.run_id,
                        "step": line["step"],
                        "tokens": line["tokens"],
                        "series": name,
                        "value": None if value is None else float(value),
                    }
                    for name, value in series.items()
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
            with replacing(self.folder / RUNS) as temporary:
                pl.DataFrame(rows, infer_schema_length=None).write_parquet(temporary)
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
    corpus = None
    if spec.sources:
        corpus = build_corpus(
            spec.sources, home / "corpora", tokenizer=spec.tokenizer, validation=spec.validation
        )
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
        raise InputError(
            "this file is not whole.", code="bad_ladder", where=Where(file=str(home / PLAN))
        ) from None
    corpus, limit = document.get("corpus"), document.get("timeout_seconds")
    called_in = document.get("trainer_folder")
    return Ladder(
        folder=home,
        name=document["name"],
        corpus_folder=None if corpus is None else home / "corpora" / str(corpus),
        runs=tuple(Planned(run_from_dict(one["spec"]), one["labels"]) for one in document["runs"]),
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
    """The points of a loss curve that are whole."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            # The last line of a run that was killed while writing it.
            return


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None where there is no such file or it is not whole."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
