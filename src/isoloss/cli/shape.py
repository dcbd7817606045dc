"""``isoloss shape``: layers, width, heads and feed-forward for a number of parameters."""

from __future__ import annotations

from isoloss.cli.options import OUTPUT, Amount, Devices, Output
from isoloss.cli.text import footer


def shape(
    n_params: Amount,
    /,
    *,
    vocab: Amount | None = None,
    seq: Amount | None = None,
    n: str = "total",
    head: Devices = 128,
    multiple_of: Devices = 128,
    gqa: Devices = 1,
    kv_heads: Devices | None = None,
    plain_ff: bool = False,
    tied: bool = False,
    ff_ratio: float | None = None,
    experts: Devices | None = None,
    topk: Devices | None = None,
    granularity: float = 1.0,
    tolerance: float = 0.01,
    candidates: Devices = 6,
    fit: str | None = None,
    output: Output = OUTPUT,
) -> None:
    """Find layers, width, heads and feed-forward that have N parameters, ranked with reasons.

    Ranked by what published models of that size do; with --fit, by what your own runs say of width
    over depth, where they say anything. Counts and FLOP are shown under every convention.

    Args:
        n_params: N, such as 7B.
        vocab: Vocabulary, such as 128k.
        seq: Context in tokens; only FLOP counts need it.
        n: Which count N is: total, nonemb, matmul or active.
        head: Width of a head.
        multiple_of: Width and feed-forward are multiples of this.
        gqa: Query heads per key head.
        kv_heads: Number of key heads instead.
        plain_ff: A feed-forward of two matrices; by default it is gated (SwiGLU).
        tied: Input and output embedding are one table.
        ff_ratio: Feed-forward over width; 8/3 where gated and 4 otherwise.
        experts: Experts per layer.
        topk: Experts per token.
        granularity: An expert is this many times narrower than a dense feed-forward.
        tolerance: Largest relative difference to N.
        candidates: How many shapes to show, each of another width.
        fit: A fit of isoloss fit --save to runs with n_layers and d_model.
        output: How the answer is written.
    """
    from isoloss.planning.shapes import shape as find_shapes

    source = None
    if fit is not None:
        from isoloss.fitting import Fit

        source = Fit.load(fit)
    found = find_shapes(
        n_params,
        vocab=vocab or 0,
        seq_len=seq or 0,
        n=n,
        head=head,
        multiple_of=multiple_of,
        gqa=gqa,
        kv_heads=kv_heads or 0,
        gated=not plain_ff,
        tied=tied,
        ff_ratio=ff_ratio,
        experts=experts or 0,
        topk=topk or 0,
        granularity=granularity,
        tolerance=tolerance,
        candidates=candidates,
        fit=source,
    )
    effect = found.effect
    made = (None, None) if effect is None else (effect.data_hash, effect.seed)
    output.give(text=lambda: f"{found.summary()}\n{footer(*made)}", document=found.to_dict)
