"""Which commands are there, and what does each do in one line? Known without importing any."""

from __future__ import annotations

from dataclasses import dataclass

from isoloss.version import __version__

SUMMARY = "From small training runs to a plan for the big one, with honest intervals."


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: as typed, for example ``runs check``.
        target: module and attribute, imported only when the command runs.
        help: what it answers, one line.
    """

    name: str
    target: str
    help: str


COMMANDS: tuple[Command, ...] = (
    Command("runs check", "isoloss.cli.runs:check", "Grade runs: what is excluded and why."),
    Command("runs list", "isoloss.cli.runs:list_runs", "List runs, one line each."),
    Command("runs show", "isoloss.cli.runs:show", "Show all that is known of one run."),
    Command("runs exclude", "isoloss.cli.runs:exclude", "Set runs aside, with a reason."),
    Command("runs best", "isoloss.cli.runs:best", "Keep the best lr of each size and length."),
    Command("laws", "isoloss.cli.laws:app", "List the laws, or show one: laws show NAME."),
    Command("fit", "isoloss.cli.fit:fit", "Fit a law to runs, with intervals."),
    Command(
        "approaches", "isoloss.cli.approaches:approaches", "Compare the three approaches on runs."
    ),
    Command(
        "backtest",
        "isoloss.cli.backtest:backtest",
        "Fit on the small runs, predict the large ones.",
    ),
    Command(
        "compare", "isoloss.cli.compare:compare", "Compare laws by their error on held-out runs."
    ),
    Command(
        "diagnose",
        "isoloss.cli.diagnose:diagnose",
        "Say what a law misses and what the runs leave open.",
    ),
    Command("recipes", "isoloss.cli.recipes:recipes", "Compare two training recipes in compute."),
    Command("predict", "isoloss.cli.predict:predict", "Predict the loss of other runs."),
    Command(
        "forecast",
        "isoloss.cli.forecast:forecast",
        "Predict with intervals that count the law's own error.",
    ),
    Command("plan", "isoloss.cli.plan:plan", "Turn a budget into a model size and tokens."),
    Command("sweep", "isoloss.cli.sweep:sweep", "Find the best lr and batch of your own sweep."),
    Command(
        "hparams", "isoloss.cli.hparams:hparams", "Learning rate and batch by the published laws."
    ),
    Command(
        "transfer", "isoloss.cli.transfer:transfer", "Carry a tuned learning rate to another run."
    ),
    Command("batch", "isoloss.cli.batch:batch", "Critical batch: what a larger batch buys."),
    Command("data plan", "isoloss.cli.data:plan", "Plan on limited data: repeat or buy."),
    Command("data epochs", "isoloss.cli.data:epochs", "Say what repeated tokens are worth."),
    Command("data fit", "isoloss.cli.data:fit", "Fit what repetition costs."),
    Command("data mix", "isoloss.cli.data_mix:mix", "Find the best mixture of domains."),
    Command("data pools", "isoloss.cli.data_mix:pools", "Weigh quality against repetition."),
    Command("figure", "isoloss.cli.figure:figure", "Draw a figure from stored results."),
    Command("report", "isoloss.cli.report:report", "Write one report to forward or to print."),
    Command(
        "optima", "isoloss.cli.optima:optima", "Compare types of optimality and rules of thumb."
    ),
    Command("serve", "isoloss.cli.serve:serve", "Plan a model that will serve tokens."),
    Command(
        "overtraining",
        "isoloss.cli.overtraining:overtraining",
        "Say what another size costs at the same loss.",
    ),
    Command(
        "hardware", "isoloss.cli.hardware:hardware", "List accelerators; hours, days and money."
    ),
    Command("mfu", "isoloss.cli.mfu:mfu", "Fit the utilisation of larger models to throughput."),
    Command("shape", "isoloss.cli.shape:shape", "Find layers, width and heads for N parameters."),
    Command("memory", "isoloss.cli.memory:memory", "Say whether training fits, and what binds."),
    Command("flops", "isoloss.cli.flops:flops", "Count FLOP and parameters of an architecture."),
    Command("ui", "isoloss.cli.ui:ui", "Show all of it as web pages on this machine."),
    Command(
        "pilot", "isoloss.cli.pilot:pilot", "Choose the small runs that narrow the answer most."
    ),
    Command(
        "ladder run", "isoloss.cli.ladder:run", "Train the runs of a ladder, or go on with it."
    ),
    Command("ladder status", "isoloss.cli.ladder:status", "Say how far a ladder is."),
    Command("ladder next", "isoloss.cli.ladder:upcoming", "List the runs still to be trained."),
    Command(
        "ladder coords", "isoloss.cli.ladder:coords", "Check that one rate fits all widths (muP)."
    ),
    Command("ladder export", "isoloss.cli.ladder:export", "Write a ladder's runs as one table."),
    Command("corpus list", "isoloss.cli.corpus:list_sources", "List texts known by name."),
    Command("corpus fetch", "isoloss.cli.corpus:fetch", "Fetch texts from Debian's packages."),
    Command("corpus build", "isoloss.cli.corpus:build", "Build the corpus of a ladder."),
    Command("corpus card", "isoloss.cli.corpus:card", "Show what a corpus holds."),
    Command("demo", "isoloss.cli.demo:demo", "Do all of it on the shipped runs."),
)

GROUPS = {
    "runs": "Grade, list and set aside runs.",
    "data": "Repeat, buy or mix data.",
    "ladder": "Train small models, on this machine or many; needs the extra train.",
    "corpus": "Find, fetch and build the texts that small models read.",
}
"""Words that need a second word; ``laws`` is a command of its own as well."""

_START = """\
Start here:
  isoloss runs check runs.csv
  isoloss fit runs.csv --save fit.json
  isoloss plan 1e24 --fit fit.json

isoloss COMMAND --help explains a command. Most take --json and --quiet.
Exit codes: 0 ok, 1 a check failed, 2 usage or input, 3 evidence too thin."""


def top_help() -> str:
    """The text of ``isoloss --help``."""
    head = f"isoloss {__version__}. {SUMMARY}\n\nUsage: isoloss COMMAND [OPTIONS]"
    return f"{head}\n\nCommands:\n{_listed(COMMANDS)}\n\n{_START}\n"


def group_help(group: str) -> str:
    """The text of ``isoloss GROUP --help``."""
    inside = tuple(command for command in COMMANDS if command.name.startswith(f"{group} "))
    head = f"Usage: isoloss {group} COMMAND [OPTIONS]\n\n{GROUPS[group]}"
    tail = f"isoloss {inside[0].name} --help explains a command."
    return f"{head}\n\nCommands:\n{_listed(inside)}\n\n{tail}\n"


def quick_answer(tokens: list[str]) -> str | None:
    """What needs no command: help of the whole or of a group, and the version."""
    words = [token for token in tokens if token not in ("--help", "-h")]
    asked = len(words) < len(tokens)
    if words == ["--version"] and not asked:
        return f"{__version__}\n"
    if words in ([], ["help"]):
        return top_help()
    if len(words) == 1 and words[0] in GROUPS:
        return group_help(words[0])
    return None


def _listed(commands: tuple[Command, ...]) -> str:
    width = max(len(command.name) for command in commands)
    return "\n".join(f"  {command.name:<{width}}  {command.help}" for command in commands)
