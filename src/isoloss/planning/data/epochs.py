"""What is it worth to read the same tokens again? The four-epoch rule, from the law."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.errors import InputError, Where
from isoloss.fitting import Fit, Notice, Quantity
from isoloss.laws import Law
from isoloss.planning.data.result import EpochRow, EpochTable
from isoloss.planning.data.subject import Subject, subject
from isoloss.planning.equal_loss import MOST_TOKENS, tokens_at_loss
from isoloss.planning.plan import spread
from isoloss.runs import parse_quantity

Array = NDArray[np.float64]
EPOCHS = (1.0, 2.0, 4.0, 8.0, 16.0, 40.0, math.inf)
NOWHERE = Quantity(math.nan, math.nan, math.nan)


def worth(epochs: ArrayLike, half: ArrayLike) -> Array:
    """Epochs of new data that so many epochs of the same data are worth: 1 + R* (1 - e^(-R/R*)).

    Muennighoff et al. 2023, arXiv 2305.16264, eq. 5, with R = epochs - 1.

    Args:
        epochs: 1 or more; below 1 nothing repeats, and the worth is the epochs themselves.
        half: R*, repetitions after which a token is worth 1/e of a new one.
    """
    read, scale = np.asarray(epochs, dtype=np.float64), np.asarray(half, dtype=np.float64)
    repeats = np.maximum(read - 1.0, 0.0)
    return np.minimum(read, 1.0) - scale * np.expm1(-repeats / scale)


def geometric_worth(epochs: ArrayLike, lost: float) -> Array:
    """The same if each further epoch is worth 1 - ``lost`` of the one before it.

    The sum 1 + (1 - d) + (1 - d)^2 + ...; for R* = (1 - d) / d the exponential form is its
    approximation (Muennighoff et al. 2023, appendix).
    """
    read = np.asarray(epochs, dtype=np.float64)
    return (1.0 - (1.0 - lost) ** read) / lost


def epoch_table(
    source: Fit | Law | str = "repetition",
    *,
    epochs: Sequence[float] = EPOCHS,
    n_params: float | str | None = None,
    unique_tokens: float | str | None = None,
    key: str | None = None,
    flop_per_token: str = "6nd",
) -> EpochTable:
    """What reading the same tokens several times is worth, by a fit or by a published law.

    Args:
        source: a fit of repetition or lovelace, or a law with published coefficients.
        epochs: how often the tokens are read; ``math.inf`` for the limit.
        n_params: size of the model, to see losses, and for laws whose worth depends on it.
        unique_tokens: the tokens that are read again; likewise.
        key: which published coefficients.
        flop_per_token: ``6nd`` or ``runs``.

    Raises:
        InputError: epochs are below 1, or only one of size and tokens is given, or neither is for
            a law whose worth depends on them.
        EvidenceError: the law does not know unique tokens, or its runs never repeat.
    """
    by = subject(source, key=key, flop_per_token=flop_per_token)
    read = _checked(epochs)
    params = None if n_params is None else parse_quantity(n_params)
    unique = None if unique_tokens is None else parse_quantity(unique_tokens)
    if (params is None) != (unique is None) or (params is None and not by.saturates):
        missing = "n_params" if params is None else "unique_tokens"
        raise InputError(
            "losses need the size of the model and the unique tokens, both."
            if by.saturates
            else f"what repetition is worth under {by.law.name} depends on size and unique tokens.",
            code="missing_argument",
            where=Where(field=missing),
            hint="Give both, for example 1B and 20B.",
        )
    rows = tuple(_row(by, one, params, unique) for one in read)
    return EpochTable(
        rows=rows,
        n_params=params,
        unique_tokens=unique,
        law=by.law.name,
        source=by.source,
        conventions=by.conventions,
        ci="none" if by.fit is None or not len(by.draws) else by.fit.ci,
        level=by.level,
        seed=None if by.fit is None else by.fit.seed,
        data_hash=None if by.fit is None else by.fit.points.data_hash,
        n_runs=None if by.fit is None else by.fit.n_runs,
        warnings=_warnings(by, rows),
    )


def effective_tokens(by: Subject, params: float, tokens: float, unique_tokens: float) -> Quantity:
    """New tokens that would do what these tokens do.

    For the repetition law its own D'; for others the new tokens with which the same model reaches
    the same loss, or NaN where none do.
    """
    unique = min(unique_tokens, tokens)
    if by.saturates:
        estimate, draws = by.parameter("RD")
        ratio = tokens / unique
        return spread(
            unique * float(worth(ratio, estimate)), unique * worth(ratio, draws), by.level
        )
    theta = np.concatenate([by.theta[None], by.draws]).T
    x = {"N": np.asarray(params), "D": np.asarray(tokens), "U": np.asarray(unique)}
    loss = by.law.value(theta, x)
    # Two parameter vectors have two losses, and the search takes one: a loop, over few vectors.
    fresh = by.surface(None)
    found = np.array(
        [
            float(tokens_at_loss(fresh, theta[:, [k]], np.asarray(params), float(one))[0])
            for k, one in enumerate(loss)
        ]
    )
    found = np.where(found >= 0.99 * MOST_TOKENS, np.nan, found)
    return spread(float(found[0]), found[1:], by.level)


def _row(by: Subject, epochs: float, params: float | None, unique: float | None) -> EpochRow:
    tokens = math.nan if unique is None else epochs * unique
    finite = params is not None and unique is not None and math.isfinite(epochs)
    loss, flop, trust = NOWHERE, math.nan, ""
    if finite:
        assert params is not None
        assert unique is not None
        x = {"N": np.asarray(params), "D": np.asarray(tokens), "U": np.asarray(unique)}
        loss = spread(by.value(params, tokens, unique), by.law.value(by.draws.T, x), by.level)
        flop = float(by.rule.per_token(np.asarray(params))) * tokens
        size = by.size_for(unique)
        trust = by.trust(params, tokens, unique, size).verdict
    if by.saturates:
        estimate, draws = by.parameter("RD")
        total = spread(float(worth(epochs, estimate)), worth(epochs, draws), by.level)
        fading = np.exp(-(epochs - 1.0) / draws)
        next_token = spread(math.exp(-(epochs - 1.0) / estimate), fading, by.level)
    elif finite:
        assert params is not None
        assert unique is not None
        found = effective_tokens(by, params, tokens, unique)
        total = _times(found, 1.0 / unique)
        after = effective_tokens(by, params, tokens * 1.001, unique)
        # At one epoch the overfitting term starts, with a vertical slope if delta is below 1.
        rise = (after.estimate - found.estimate) / (0.001 * tokens)
        slope = rise if epochs > 1.0 else math.nan
        next_token = Quantity(slope, math.nan, math.nan, by.level)
    else:
        total = next_token = NOWHERE
    share = 0.0 if math.isinf(epochs) else 1.0 / epochs
    return EpochRow(epochs, total, _times(total, share), next_token, tokens, flop, loss, trust)


def _times(quantity: Quantity, factor: float) -> Quantity:
    return Quantity(
        quantity.estimate * factor, quantity.lo * factor, quantity.hi * factor, quantity.level
    )


def _checked(epochs: Sequence[float]) -> list[float]:
    read = [float(value) for value in epochs]
    for value in read:
        if not value >= 1.0:
            raise InputError(
                f"found {value:g} epochs where 1 or more is expected.",
                code="bad_epochs",
                where=Where(field="epochs"),
                hint="Write them like 1, 2, 4, 8, 16, 40, inf.",
            )
    if not read:
        raise InputError("no epochs are given.", code="bad_epochs", where=Where(field="epochs"))
    return sorted(set(read))


def _warnings(by: Subject, rows: Sequence[EpochRow]) -> tuple[Notice, ...]:
    found: list[Notice] = []
    if not len(by.draws):
        found.append(Notice("no_intervals", "there are no draws, and so no intervals."))
    if by.saturates:
        found.append(half_life_notice(by))
    if any(row.trust == "refuse" for row in rows):
        found.append(
            Notice(
                "law_fails_here",
                "rows marked refuse lie where published runs of this kind overfit and ended far "
                "above the law.",
            )
        )
    return tuple(found)


def half_life_notice(by: Subject) -> Notice:
    """How well RD is known."""
    estimate, draws = by.parameter("RD")
    if not len(draws):
        return Notice(
            "half_life_not_fixed",
            f"R_D* = {estimate:.3g} is not well fixed by the runs behind it: those runs are fitted "
            "almost as well by any value from 13 to 300. Up to four epochs that hardly matters.",
        )
    found = spread(estimate, draws, by.level)
    return Notice(
        "half_life",
        f"R_D* = {estimate:.3g} ({found.lo:.3g} to {found.hi:.3g}): the worth of many epochs is "
        "known no better than that.",
    )
