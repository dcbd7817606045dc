"""``isoloss laws`` and ``isoloss laws show``: the catalogue, and what a law says at a point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from isoloss.cli.documents import document
from isoloss.cli.options import OUTPUT, Output, number, pairs
from isoloss.cli.setting_laws import (
    evaluation_fields,
    settings_at,
    settings_fields,
    settings_text,
)
from isoloss.cli.text import columns, paragraph, span

if TYPE_CHECKING:
    from isoloss.laws import Evaluation, Law, Published
    from isoloss.laws import Parameter as LawParameter
    from isoloss.laws.hparams import HParamLaw

app = App(name="laws")


@app.default
def list_laws(*, output: Output = OUTPUT) -> None:
    """List the laws that isoloss knows by name.

    A formula of your own is accepted wherever a name is: isoloss fit runs.csv --law 'E + A*N**-a'.

    Args:
        output: How the answer is written.
    """
    from isoloss.laws import list_laws as catalogue
    from isoloss.laws.hparams import list_hparam_laws

    laws, settings = catalogue(), list_hparam_laws()
    output.give(
        text=lambda: _catalogue_text(laws, settings),
        document=lambda: (
            document("laws")
            | {"laws": [*map(law_fields, laws), *(settings_fields(law) for law in settings)]}
        ),
    )


@app.command
def show(
    name: str,
    /,
    *,
    at: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    key: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Show a law: its formula, its parameters and what was published of it.

    Args:
        name: A name of the catalogue, or a formula.
        at: Also evaluate the published coefficients here, for example --at N=7B D=1.4T.
        key: Only the published coefficients of this key.
        output: How the answer is written.
    """
    from isoloss.laws import LAWS, get_law, get_published
    from isoloss.laws.hparams import find_hparam_law

    settings = None if name.strip() in LAWS else find_hparam_law(name)
    if settings is not None:
        settings.coefficients(key)
        advice = settings_at(settings, at, key)
        output.give(
            text=lambda: settings_text(settings, advice, key),
            document=lambda: (
                document("law")
                | settings_fields(settings)
                | {"evaluations": [evaluation_fields(one, at or []) for one in advice]}
            ),
        )
        return
    law = get_law(name)
    published = law.published if key is None else (get_published(law, key),)
    evaluations = _evaluate(law, published, at) if at else []
    output.give(
        text=lambda: _law_text(law, published, evaluations),
        document=lambda: (
            document("law")
            | law_fields(law)
            | {"evaluations": [evaluation.to_dict() for evaluation in evaluations]}
        ),
    )


def law_fields(law: Law) -> dict[str, Any]:
    """A law as the JSON contract has it."""
    return {
        "name": law.name,
        "kind": "loss",
        "title": law.title,
        "formula": law.formula,
        "where": dict(law.where),
        "latex": law.latex(),
        "variables": list(law.variables),
        "parameters": [parameter_fields(parameter) for parameter in law.parameters],
        "published": [published_fields(published) for published in law.published],
        "reference": law.reference,
        "summary": law.summary,
    }


def parameter_fields(parameter: LawParameter) -> dict[str, Any]:
    """A parameter as the JSON contract has it."""
    low, high = parameter.bounds
    return {
        "name": parameter.name,
        "meaning": parameter.meaning,
        "unit": parameter.unit or None,
        "positive": parameter.positive,
        "bounds": {"lo": low, "hi": high},
    }


def published_fields(published: Published) -> dict[str, Any]:
    """Published coefficients as the JSON contract has them."""
    return {
        "key": published.key,
        "values": dict(published.values),
        "source": published.source,
        "confidence": published.confidence,
        "n_convention": published.n,
        "loss_unit": published.loss_unit,
        "range": {name: {"lo": low, "hi": high} for name, (low, high) in published.range.items()},
        "notes": published.notes,
    }


def _evaluate(law: Law, published: tuple[Published, ...], at: list[str]) -> list[Evaluation]:
    from isoloss.laws import evaluate, get_published

    typed = pairs(at, "--at", "N=7B D=1.4T")
    inputs = {name: number(text, f"--at {name}") for name, text in typed.items()}
    # Asked for none, the catalogue says in its own words which laws have some.
    chosen = published or (get_published(law),)
    return [evaluate(law, one.key, **inputs) for one in chosen]


def _catalogue_text(laws: tuple[Law, ...], settings: tuple[HParamLaw, ...]) -> str:
    rows = [("law", "formula: L =", "published coefficients")]
    rows += [
        (law.name, law.formula, ", ".join(p.key for p in law.published) or "-") for law in laws
    ]
    more = [("law", "formulas of learning rate and batch", "published coefficients")]
    more += [(one.name, one.formula, ", ".join(p.key for p in one.published)) for one in settings]
    tail = "isoloss laws show NAME explains one; --at N=7B D=1.4T evaluates it."
    return f"{columns(rows)}\n\n{columns(more)}\n\n{tail}"


def _law_text(law: Law, published: tuple[Published, ...], evaluations: list[Evaluation]) -> str:
    parts = [f"{law.name}: {law.title}", f"  L = {law.formula}"]
    parts += [f"      where {name} = {formula}" for name, formula in law.where.items()]
    if law.summary:
        parts += ["", paragraph(law.summary)]
    if law.reference:
        parts += ["", paragraph(law.reference)]
    rows = [(p.name, p.meaning, _bounds(p), p.unit) for p in law.parameters]
    parts += ["", "parameters", columns(rows)]
    if published:
        parts += ["", "published"]
    for one in published:
        parts += [_published_text(one)]
    if evaluations:
        inputs = evaluations[0].inputs
        from isoloss.runs import format_quantity

        point = ", ".join(f"{name} = {format_quantity(value)}" for name, value in inputs.items())
        parts += ["", f"at {point}"]
        for one in evaluations:
            parts += [f"  {one.key}: loss {one.loss:.4f} {one.loss_unit}, N = {one.n}"]
            parts += [paragraph(one.sentence, 4)] if one.sentence else []
    return "\n".join(parts)


def _published_text(published: Published) -> str:
    values = "  ".join(f"{name} {value:.6g}" for name, value in published.values.items())
    ranges = ", ".join(f"{name} {span(*ends)}" for name, ends in published.range.items())
    fitted = f"fitted on {ranges}" if ranges else "range not stated"
    lines = [
        f"  {published.key}: {values}",
        f"    N = {published.n}, loss in {published.loss_unit}; {fitted}",
        paragraph(f"{published.source} (confidence {published.confidence})", 4),
    ]
    return "\n".join(lines + ([paragraph(published.notes, 4)] if published.notes else []))


def _bounds(parameter: LawParameter) -> str:
    low, high = parameter.bounds
    if parameter.positive and not math.isfinite(low):
        return "positive"
    if math.isinf(low) and math.isinf(high):
        return "any"
    return f"{low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
