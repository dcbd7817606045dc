"""``isoloss flops``: what one token of an architecture costs, under every convention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoloss.cli.documents import document
from isoloss.cli.options import OUTPUT, Amount, Output
from isoloss.cli.text import columns
from isoloss.errors import InputError

if TYPE_CHECKING:
    from isoloss.runs import Architecture

_NAMES = {
    "6nd": "6 N",
    "kaplan": "Kaplan",
    "palm": "PaLM",
    "causal": "causal",
    "chinchilla_f": "Chinchilla F",
}


def flops(
    *,
    arch: str,
    tokens: Amount | None = None,
    output: Output = OUTPUT,
) -> None:
    """Count FLOP per token of training and parameters of an architecture.

    All conventions of the field side by side, each with its ratio to 6 N. Keys of --arch: L layers,
    d width, H heads, KV key heads, Q head width, ff feed-forward width, V vocabulary, T context,
    E experts, K experts per token; tied, gated, learned_positions take yes or no.

    Args:
        arch: The shape, for example 'L=12 d=768 H=12 V=50304 T=1024'.
        tokens: Also count the FLOP of a run of this many tokens, such as 1.4T.
        output: How the answer is written.
    """
    from isoloss.runs import PARAM_COUNTS, parse_architecture

    shape = parse_architecture(arch)
    counts = {n: shape.count(n) for n in PARAM_COUNTS}
    rows = _rows(shape, tokens)
    output.give(
        text=lambda: _text(shape, counts, rows, tokens),
        document=lambda: (
            document("flops")
            | {
                "architecture": vars(shape),
                "n_params": counts,
                "tokens": tokens,
                "flop_per_token": rows,
            }
        ),
    )


def _rows(shape: Architecture, tokens: float | None) -> list[dict[str, Any]]:
    """One row per convention; a convention that needs more of the shape says so."""
    from isoloss.runs import FLOP_CONVENTIONS, PARAM_COUNTS, flop_per_token

    cases: list[tuple[str, str | None, bool]] = [("6nd", n, True) for n in PARAM_COUNTS]
    for name in FLOP_CONVENTIONS:
        if name != "6nd":
            cases.append((name, None, True))
    cases.append(("chinchilla_f", None, False))
    rows: list[dict[str, Any]] = []
    for name, n, logits in cases:
        row: dict[str, Any] = {"convention": name, "n": n, "logits": logits}
        try:
            cost = flop_per_token(shape, name, n=n or "total", logits=logits)
        except InputError as error:
            rows.append(row | {"flop_per_token": None, "missing": error.message})
            continue
        row |= {
            "flop_per_token": cost,
            "ratio_to_6nd_total": cost / (6.0 * shape.n_total),
            "ratio_to_6nd_nonemb": cost / (6.0 * shape.n_nonemb),
        }
        rows.append(row | ({} if tokens is None else {"flop": cost * tokens}))
    return rows


def _text(
    shape: Architecture,
    counts: dict[Any, int],
    rows: list[dict[str, Any]],
    tokens: float | None,
) -> str:
    from isoloss.runs import PARAM_COUNTS, format_quantity

    named = {"L": shape.n_layers, "d": shape.d_model, "H": shape.n_heads, "KV": shape.n_kv_heads}
    named |= {"Q": shape.d_head, "ff": shape.d_ff, "V": shape.vocab, "T": shape.seq_len}
    lines = [" ".join(f"{key}={value}" for key, value in named.items()), "", "parameters"]
    lines.append(
        columns(
            ((n, format_quantity(count), PARAM_COUNTS[n]) for n, count in counts.items()),
            align="<><",
        )
    )
    head = ["convention", "FLOP/token", "/ 6 N total", "/ 6 N nonemb"]
    head += [] if tokens is None else [f"FLOP for {format_quantity(tokens)} tokens"]
    table = [head]
    missing: list[str] = []
    for row in rows:
        name = _NAMES[row["convention"]] + (f" {row['n']}" if row["n"] else "")
        name += "" if row["logits"] else ", no embedding or logits"
        if row["flop_per_token"] is None:
            missing.append(f"  {name}: {row['missing']}")
            continue
        cells = [name, f"{row['flop_per_token']:.3e}"]
        cells += [f"{row['ratio_to_6nd_total']:.3f}", f"{row['ratio_to_6nd_nonemb']:.3f}"]
        table.append(cells + ([] if tokens is None else [f"{row['flop']:.3e}"]))
    lines += ["", "training, forward and backward", columns(table, align="<>>>>")]
    return "\n".join([*lines, *missing])
