"""A law of learning rate or batch as text and as a document, beside the laws of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoloss.cli.options import number, pairs
from isoloss.cli.text import columns, paragraph, span
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.laws.hparams import Coefficients, HParamLaw
    from isoloss.planning.settings import Advice

KIND = "settings"


def settings_fields(law: HParamLaw) -> dict[str, Any]:
    """A law of settings as the JSON contract has a law, with one formula per setting more."""
    from isoloss.cli.laws import parameter_fields, published_fields

    return {
        "name": law.name,
        "kind": KIND,
        "title": law.title,
        "formula": law.formula,
        "formulas": {name: one.formula for name, one in law.formulas.items()},
        "where": {},
        "latex": law.latex(),
        "variables": list(law.variables),
        "parameters": [parameter_fields(one) for one in law.parameters],
        "published": [published_fields(one) | _recipe(one) for one in law.published],
        "reference": law.reference,
        "summary": law.summary,
        "aliases": list(law.aliases),
    }


def _recipe(one: Coefficients) -> dict[str, Any]:
    return {
        "intervals": {name: {"lo": low, "hi": high} for name, (low, high) in one.intervals.items()},
        "level": one.level if one.intervals else None,
        "batch": one.batch,
        "schedule": one.schedule,
        "compute": one.compute,
        "unconfirmed": dict(one.unconfirmed),
    }


def settings_at(law: HParamLaw, at: list[str] | None, key: str | None) -> list[Advice]:
    """What a law of settings advises at the point that is typed, one entry per coefficients."""
    from isoloss.planning.settings import advise
    from isoloss.planning.settings.hparams import point

    if not at:
        return []
    typed = pairs(at, "--at", "N=7B D=1.4T")
    inputs = {name: number(text, f"--at {name}") for name, text in typed.items()}
    known = {"N", "D", *law.variables}
    for name, value in inputs.items():
        if name not in known:
            raise InputError(
                f"law {law.name} has no variable {name[:40]!r}.",
                code="unknown_variable",
                where=Where(field=name[:40]),
                hint=f"It takes {' and '.join(law.variables)}: {law.formula}",
            )
        if not value > 0:
            raise InputError(
                f"found {value:g} where a positive number is expected.",
                code="not_positive",
                where=Where(field=name),
            )
    if {"N", "D"} <= set(inputs):
        n, d = inputs["N"], inputs["D"]
        inputs = point(n, d, inputs.get("C", 6.0 * n * d), inputs.get("L")) | inputs
    # One formula of the law is enough; D/N is not for typing.
    if all(law.needs(setting, inputs) for setting in law.formulas):
        lacking = next(iter(law.formulas.values())).variables
        absent = [name for name in lacking if name not in inputs]
        raise InputError(
            f"law {law.name} needs {' and '.join(absent)}.",
            code="missing_variable",
            where=Where(field=absent[0]),
            hint=f"The law is {law.formula}",
        )
    chosen = law.published if key is None else (law.coefficients(key),)
    return [advise(law, inputs, one.key) for one in chosen]


def evaluation_fields(one: Advice, inputs: list[str]) -> dict[str, Any]:
    """An evaluation as a document: the settings in place of a loss."""
    typed = pairs(inputs, "--at", "N=7B D=1.4T")
    return {
        "law": one.law,
        "key": one.key,
        "inputs": {name: number(text, f"--at {name}") for name, text in typed.items()},
        "loss": None,
        "loss_unit": "",
        "n": one.n,
        "outside": dict(one.outside),
        "sentence": one.distance,
        "source": one.source,
        "settings": one.to_dict(),
    }


def settings_text(law: HParamLaw, evaluations: list[Advice], key: str | None) -> str:
    """A law of settings for people, evaluations first."""
    parts = [f"{law.name}: {law.title}"]
    parts += [f"  {name} = {one.formula}" for name, one in law.formulas.items()]
    for one in evaluations:
        parts += ["", *_evaluated(one)]
    parts += ["", paragraph(law.summary), "", paragraph(law.reference)]
    parts += ["", "parameters", columns([(p.name, p.meaning) for p in law.parameters])]
    parts += ["", "published"]
    chosen = law.published if key is None else (law.coefficients(key),)
    parts += [_published_text(one) for one in chosen]
    return "\n".join(parts)


def _evaluated(one: Advice) -> list[str]:
    from isoloss.planning.settings.text import batch_with_interval, rate_with_interval

    rows = [("lr", rate_with_interval(one.lr))] if one.lr is not None else []
    for name in ("batch_tokens", "critical_batch_tokens"):
        quantity = getattr(one, name)
        if quantity is not None:
            rows.append((name, batch_with_interval(quantity, 2048)))
    rows += [(name, f"- {reason}") for name, reason in one.missing.items()]
    rows += [("range", one.distance)]
    return [f"by {one.key}", columns(rows)]


def _published_text(one: Coefficients) -> str:
    from isoloss.runs import format_quantity

    values = "  ".join(f"{name} {value:.6g}" for name, value in one.values.items())
    ranges = ", ".join(
        f"{name} {span(low, high)}" if low > 0 else f"{name} up to {format_quantity(high)}"
        for name, (low, high) in one.range.items()
    )
    fitted = f"fitted on {ranges}" if ranges else "range not stated"
    lines = [f"  {one.key}: {values}", f"    N = {one.n}; {fitted}"]
    for name, (low, high) in one.intervals.items():
        lines += [f"    {name} {low:g} to {high:g} ({one.level:.0%})"]
    for name, text in (("batch", one.batch), ("schedule", one.schedule), ("C", one.compute)):
        lines += [paragraph(f"{name}: {text}", 4)] if text else []
    for name, why in one.unconfirmed.items():
        lines += [paragraph(f"{name} has no value: {why}", 4)]
    lines += [paragraph(f"{one.source} (confidence {one.confidence})", 4)]
    return "\n".join([*lines, paragraph(one.notes, 4)])
