"""Where do laws of learning rate and batch disagree, and what is known of the reason?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isoloss.planning.settings.result import Advice, Contradiction, Spread

# A power this small changes a setting by less than 5 % per decade: the law calls it constant.
FLAT = 0.02
SETTINGS = ("lr", "batch_tokens", "critical_batch_tokens")


def spreads(advice: Sequence[Advice]) -> dict[str, Spread]:
    """How far the laws lie apart, per setting that at least one of them gives."""
    found: dict[str, Spread] = {}
    for setting in SETTINGS:
        values = {
            one.law: quantity.estimate
            for one in advice
            if (quantity := getattr(one, setting)) is not None
        }
        if values:
            low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
            found[setting] = Spread(values[low], values[high], low, high, len(values))
    return found


def contradictions(advice: Sequence[Advice]) -> tuple[Contradiction, ...]:
    """The questions on which laws answer in opposite directions at this point."""
    asked = (
        _ask(
            "lr_with_tokens",
            "the learning rate when tokens grow and N stays",
            _powers(advice, "lr", "D"),
            advice,
        ),
        _ask(
            "batch_with_size",
            "the batch when N grows and tokens stay",
            _powers(advice, "batch_tokens", "N"),
            advice,
        ),
    )
    return tuple(one for one in asked if one is not None)


def _powers(advice: Sequence[Advice], setting: str, variable: str) -> dict[str, float]:
    """Law -> power of the variable in a setting, of laws that say something of N and D."""
    return {
        one.law: powers.get(variable, 0.0)
        for one in advice
        if (powers := one.powers.get(setting)) is not None and {"N", "D"} & _varied(powers)
    }


def _varied(powers: Mapping[str, float]) -> set[str]:
    return {name for name, power in powers.items() if power}


def _ask(
    code: str, question: str, powers: Mapping[str, float], advice: Sequence[Advice]
) -> Contradiction | None:
    rising = {law: power for law, power in powers.items() if power > FLAT}
    falling = {law: power for law, power in powers.items() if power < -FLAT}
    flat = tuple(law for law, power in powers.items() if abs(power) <= FLAT)
    opposed = bool(rising) + bool(falling) + bool(flat) > 1
    if not opposed:
        return None
    reasons = _lr_reasons(rising, falling, advice) if code == "lr_with_tokens" else _BATCH_REASONS
    return Contradiction(code, question, rising, falling, flat, tuple(reasons))


def _lr_reasons(
    rising: Mapping[str, float], falling: Mapping[str, float], advice: Sequence[Advice]
) -> list[str]:
    reasons: list[str] = []
    if "step-law" in rising and falling:
        reasons.append(
            "End of the schedule: Step Law's runs all end at a rate of 1e-5, whatever their peak; "
            "its authors find that ending at a tenth of the peak moves the best peak down. No "
            "other law here is stated to hold for such an end. Whether that turns the direction "
            "was not measured."
        )
    reasons += _by_batch(advice)
    along = [law for law in falling if law in ("deepseek", "ling-moe")]
    if along:
        reasons.append(
            f"Path: {' and '.join(along)} saw N and D grow together, so their fall with C is a "
            "fall with N at least in part; they did not measure D alone."
        )
    if not reasons:
        reasons.append("No reason is known: the laws come from other data and recipes.")
    return reasons


def _by_batch(advice: Sequence[Advice]) -> list[str]:
    """How much of the disagreement a batch that grows with tokens explains, in powers of D."""
    by_law = {one.law: one.powers for one in advice}
    if not {"step-law", "horizon"} <= set(by_law):
        return []
    grown = by_law["step-law"]["batch_tokens"]["D"]
    fixed, free = by_law["horizon"]["lr"]["D"], by_law["step-law"]["lr"]["D"]
    return [
        f"Batch: the horizon law holds the batch at 0.5M tokens, Step Law grows it as "
        f"D^{grown:.3f}. A rate that goes with the square root of the batch turns D^{fixed:.2f} "
        f"into D^{fixed + grown / 2:+.2f}, one proportional to it into D^{fixed + grown:+.2f}; "
        f"Step Law says D^{free:+.2f}. So the batch can explain most of the gap only if the rate "
        "is proportional to it."
    ]


_BATCH_REASONS = (
    "Path: laws in N or in C alone were measured where N and D grew together, so their growth with "
    "N may be a growth with D. Step Law, which varied both, found no effect of N beside that of D "
    "(p = 0.26).",
)
