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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isoloss.atomic import replacing, write_text
from isoloss.document import dumps
from isoloss.errors import InputError, Where
from isoloss.training.corpora import Corpus, build_corpus, open_corpus
from isoloss.training.layout import CURVE, CURVES, PLAN, ROW, RUNS
from isoloss.training.spec import RunSpec, run_from_dict
from isoloss.training.templates import LadderSpec, Planned

MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Ladder:
    """A ladder on disk.

    Attributes:
        folder: where it lies.
        name: of the ladder.
        corpus_folder: where its corpus lies.
        runs: what is to be trained, cheapest first.
    """

    folder: Path
    name: str
    corpus_folder: Path
    runs: tuple[Planned, ...]

    def corpus(self) -> Corpus:
        """What the runs read."""
        return open_corpus(self.corpus_folder)

    def home(self, spec: RunSpec) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / spec.run_id

    def row(self, spec: RunSpec) -> dict[str, Any] | None:
        """The row of a run, if it is finished."""
        try:
            return json.loads((self.home(spec) / ROW).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

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
            for line in _lines(self.home(planned.spec) / CURVE):
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
    home.mkdir(parents=True, exist_ok=True)
    corpus = build_corpus(
        spec.sources, home / "corpora", tokenizer=spec.tokenizer, validation=spec.validation
    )
    runs = tuple(
        Planned(_on(planned.spec, corpus), {"group": spec.name, **planned.labels})
        for planned in spec.runs
    )
    document = {
        "name": spec.name,
        "corpus": corpus.folder.name,
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
    return Ladder(
        folder=home,
        name=document["name"],
        corpus_folder=home / "corpora" / document["corpus"],
        runs=tuple(Planned(run_from_dict(one["spec"]), one["labels"]) for one in document["runs"]),
    )


def _on(spec: RunSpec, corpus: Corpus) -> RunSpec:
    """A run on a corpus: its vocabulary and hash filled in."""
    return replace(
        spec,
        model=replace(spec.model, vocab=corpus.vocab),
        data=replace(spec.data, corpus=corpus.digest),
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
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
