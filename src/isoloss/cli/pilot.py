"""``isoloss pilot``: which small runs to train first, and what they bought."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from isoloss.cli.means import MEANS, MeansOptions
from isoloss.cli.options import (
    OUTPUT,
    READING,
    Amount,
    Count,
    Output,
    Reading,
    number,
    pairs,
)
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit
    from isoloss.planning.pilot import PilotPlan


@Parameter(name="*")
@dataclass(frozen=True)
class RunOptions:
    """What the runs have in common and must keep to."""

    vocab: Annotated[Count | None, Parameter(help="Vocabulary; 256 stands for bytes.")] = None
    seq: Annotated[Count | None, Parameter(help="Context in tokens.")] = None
    batch: Annotated[Amount | None, Parameter(help="Tokens per update.")] = None
    lr_law: Annotated[
        str | None, Parameter(help="Law of the learning rate, such as step-law; or mup.")
    ] = None
    trainer: Annotated[
        str | None, Parameter(help="Command that trains a run, in place of the built-in trainer.")
    ] = None
    shapes: Annotated[
        str | None, Parameter(help="Shapes to choose from, width x layers: 16x2,32x2,48x3.")
    ] = None
    smallest: Annotated[Amount | None, Parameter(help="Smallest N of a run.")] = None
    largest: Annotated[Amount | None, Parameter(help="Largest N of a run.")] = None
    tokens: Annotated[Amount | None, Parameter(help="Tokens that there are for one run.")] = None
    steps: Annotated[Count, Parameter(help="Fewest updates of a run.")] = 300
    share: Annotated[float, Parameter(help="Of the budget that one run may cost.")] = 0.2
    decades: Annotated[float, Parameter(help="Of compute that the groups may span.")] = 2.0
    most: Annotated[Count, Parameter(help="How many runs at most.")] = 40
    reserve: Annotated[float, Parameter(help="Of the budget to keep for runs that fail.")] = 0.05

    def keywords(self) -> dict[str, Any]:
        """The arguments of ``iso.pilot``."""
        return {
            "vocab": self.vocab,
            "seq_len": self.seq,
            "batch": self.batch,
            "lr_law": self.lr_law,
            "trainer": self.trainer or "",
            "shapes": tuple((self.shapes or "").split(",")) if self.shapes else (),
            "smallest": self.smallest,
            "largest": self.largest,
            "tokens": self.tokens,
            "steps": self.steps,
            "share": self.share,
            "decades": self.decades,
            "runs": self.most,
            "reserve": self.reserve,
        }

    def again(self) -> dict[str, object]:
        """The options that were given, to type again."""
        usual = vars(RunOptions())
        return {k: v for k, v in vars(self).items() if v != usual[k]}


RUN_OPTIONS = RunOptions()


def pilot(
    *,
    budget: str | None = None,
    target: str | None = None,
    target_n: Amount | None = None,
    target_d: Amount | None = None,
    narrow: str | None = None,
    fit: str | None = None,
    law: str | None = None,
    key: str | None = None,
    guess: list[str] | None = None,
    noise: float | None = None,
    drift: float = 0.005,
    flop_per_token: str = "6nd",
    runs: list[str] | None = None,
    plan: str | None = None,
    toml: str | None = None,
    save: str | None = None,
    options: RunOptions = RUN_OPTIONS,
    means: MeansOptions = MEANS,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Choose the small runs that narrow the answer about a big one most, for a budget.

    isoloss pilot --budget 1e13 --toml pilot.toml writes a ladder that isoloss ladder run trains.
    Afterwards isoloss pilot --plan pilot.toml --runs ladder/runs.parquet says what the runs
    bought; with --fit instead of --plan, what runs added to those of a fit bought.

    Args:
        budget: Of the pilot: FLOP, '12 H100-hours', '3 days', '$500'.
        target: Budget of the big run; ten times that of the pilot by default.
        target_n: Size of the big run, with --target-d, where it is not the optimal one.
        target_d: Its tokens.
        narrow: What to narrow at the target: loss (the default), size (N*) or exponent (of
            N* ~ C^a).
        fit: A fit with its runs, to add to.
        law: Without a fit: a law with published coefficients. By default the shipped ladder of
            byte-level models below 1e15 FLOP, chinchilla above.
        key: With --law, which coefficients.
        guess: A parameter of your own, alpha=0.34; repeatable.
        noise: Of a run, relative, such as 0.005; by default from the runs.
        drift: What the law is taken to miss per decade below the target, relative.
        flop_per_token: What a token costs at the target: 6nd for C = 6 N D, or runs for what the
            runs of the fit cost.
        runs: Trained runs, to say what they bought; repeatable.
        plan: With --runs: the pilot that they were planned by, its .toml or .json.
        toml: Write the runs as a ladder to this file.
        save: Write the pilot to this JSON file.
        options: What the runs have in common and must keep to.
        means: What device-hours, days or money buy.
        reading: How trained runs are read.
        output: How the answer is written.
    """
    if runs:
        from isoloss.cli.bought import bought

        unused: dict[str, object] = {
            "--budget": budget,
            "--toml": toml,
            "--save": save,
            "--guess": guess,
        }
        _refuse("--runs", [name for name, value in unused.items() if value is not None])
        bought(
            runs,
            fit,
            plan,
            law,
            target=target,
            narrow=narrow,
            flop_per_token=flop_per_token,
            means=means,
            reading=reading,
            output=output,
        )
        return
    if plan is not None or replace(reading, n=None) != READING:
        raise InputError(
            "no trained runs are given.",
            code="missing_argument",
            where=Where(field="--runs"),
            hint="--plan and options for reading go with --runs.",
        )
    if budget is None:
        raise InputError(
            "it is not said what the pilot may cost.",
            code="missing_argument",
            where=Where(field="--budget"),
            hint='Give FLOP, device-hours, days or money: isoloss pilot --budget "1e13 FLOP".',
        )
    found = _design(
        budget,
        fit,
        target=target,
        target_n=target_n,
        target_d=target_d,
        narrow=narrow or "loss",
        law=law,
        key=key,
        guess=guess,
        noise=noise,
        drift=drift,
        n=reading.n,
        flop_per_token=flop_per_token,
        options=options,
        means=means,
        toml=toml,
        save=save,
        output=output,
    )
    output.give(text=lambda: report(found, toml), document=found.to_dict)


def _design(
    budget: str,
    fit: str | None,
    *,
    guess: list[str] | None,
    options: RunOptions,
    means: MeansOptions,
    toml: str | None,
    save: str | None,
    output: Output,
    **asked: Any,
) -> PilotPlan:
    """The design, written to the files that were asked for."""
    from isoloss.planning.card import command_of
    from isoloss.planning.pilot import pilot as design

    if save is not None:
        check_target(save, "isoloss.pilot", [fit] if fit else [])
    if toml is not None:
        _check_toml(toml)
    values = {k: number(v, "--guess") for k, v in pairs(guess or [], "--guess", "a=1").items()}
    with output.working("weighing runs ..."):
        found = design(
            budget,
            fit=None if fit is None else _fit(fit),
            guess=values or None,
            means=means.means(),
            **asked,
            **options.keywords(),
        )
    usual = {"narrow": "loss", "drift": 0.005, "flop_per_token": "6nd"}
    given = {k: v for k, v in asked.items() if v != usual.get(k)}
    typed = {"hardware": means.hardware, "mfu": means.mfu, "price": means.price}
    words = [word for item in guess or [] for word in ("--guess", item)]
    found = replace(
        found,
        command=command_of(
            "pilot", *words, budget=budget, fit=fit, **given, **options.again(), **typed
        ),
    )
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    if toml is not None:
        found.save_toml(toml)
        output.note(f"-> {toml}")
    return found


def report(found: PilotPlan, toml: str | None = None) -> str:
    """The pilot as text, with what comes next."""
    lines = [found.summary(), footer(found.data_hash, found.seed)]
    if toml is not None:
        lines.append(f"  next: isoloss ladder run {toml}")
    return "\n".join(lines)


def _fit(path: str) -> Fit:
    from isoloss.fitting import Fit

    return Fit.load(path)


def _check_toml(path: str) -> None:
    """Refuse to write over a file that is no pilot, and into a folder that is not there."""
    import tomllib
    from pathlib import Path

    if not Path(path).absolute().parent.is_dir():
        raise InputError(
            f"the folder {Path(path).absolute().parent} does not exist.",
            code="no_such_folder",
            where=Where(file=path, field="--toml"),
        )
    if not Path(path).exists():
        return
    try:
        is_pilot = "pilot" in tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        is_pilot = False
    if not is_pilot:
        raise InputError(
            "this file exists and is no pilot, so it is not overwritten.",
            code="would_overwrite",
            where=Where(file=path, field="--toml"),
            hint="Choose a new name.",
        )


def _refuse(option: str, others: list[str]) -> None:
    if others:
        raise InputError(
            f"{', '.join(others)} cannot be used with {option}.",
            code="conflicting_options",
            where=Where(field=others[0]),
            hint=f"Leave out {option} to design a pilot.",
        )
