"""What do N, C and L mean in a table? Named once here, carried by every result."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, get_args

from isoloss.errors import InputError

ParamCount = Literal["total", "nonemb", "matmul", "active"]
FlopConvention = Literal["6nd", "kaplan", "palm", "causal", "chinchilla_f"]

PARAM_COUNTS: dict[ParamCount, str] = {
    "total": "all trainable parameters, tied weights counted once (Hoffmann et al. 2022)",
    "nonemb": "without input and output embeddings (Kaplan et al. 2020)",
    "matmul": "every weight that multiplies a token: non-embedding plus unembedding",
    "active": "used per token, without embeddings (mixture of experts)",
}

FLOP_CONVENTIONS: dict[FlopConvention, str] = {
    "6nd": "6 N per token; say which N",
    "kaplan": "3 (2 n_nonemb + 2 L T d_attn) per token (Kaplan et al. 2020, table 1)",
    "palm": "6 n_matmul + 12 L H Q T per token (Chowdhery et al. 2022, appendix B)",
    "causal": "6 n_matmul + 6 L H Q T per token: half of the attention matrix is masked",
    "chinchilla_f": "embedding, attention, soft-max, feed-forward and logits counted one by one "
    "(Hoffmann et al. 2022, appendix F)",
}

LOSS_UNITS = ("nats/token", "bits/token", "nats/byte", "bits/byte", "nats/char", "bits/char")

# The order in which a count is taken where the user does not choose one.
PARAM_COLUMNS = ("params", "n_total", "n_nonemb", "n_matmul", "n_active")


@dataclass(frozen=True)
class Conventions:
    """What the columns of a runs table stand for.

    Attributes:
        n: which parameter count is N: ``params`` (the user's own, meaning not stated), ``total``,
            ``nonemb``, ``matmul``, ``active``, or ``column:<name>`` for a column of the user's that
            was chosen as ``params``.
        flop: how C was counted: a key of `FLOP_CONVENTIONS`, or ``given`` (not stated).
        loss_unit: for example ``nats/token`` or ``bits/byte``.
    """

    n: str = "params"
    flop: str = "given"
    loss_unit: str = "nats/token"

    @property
    def n_column(self) -> str:
        """The column of the runs table that holds N."""
        return f"n_{self.n}" if self.n in PARAM_COUNTS else "params"

    def to_dict(self) -> dict[str, str]:
        """The three conventions by name."""
        return {"n": self.n, "flop": self.flop, "loss_unit": self.loss_unit}


def check_flop_convention(name: str) -> str:
    """The name itself, if it is a FLOP convention or ``given``.

    Raises:
        InputError: there is no such convention.
    """
    return _known(name, (*get_args(FlopConvention), "given"), "FLOP convention")


def check_loss_unit(name: str) -> str:
    """The loss unit itself, if it is known.

    Raises:
        InputError: it is none of `LOSS_UNITS`.
    """
    return _known(name, LOSS_UNITS, "unit of the loss")


def _known(name: str, known: tuple[str, ...], kind: str) -> str:
    if name.lower() in known:
        return name.lower()
    close = difflib.get_close_matches(name.lower(), known, n=1)
    guess = f'Did you mean "{close[0]}"? ' if close else ""
    raise InputError(
        f'found "{name}" where a {kind} is expected.',
        code="unknown_convention",
        hint=f"{guess}Known: {', '.join(known)}.",
    )
