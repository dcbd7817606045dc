"""A small GPT in plain PyTorch, as a trainer of one's own for a ladder.

    trainer = "python nano_train.py --n-layers {n_layers} --width {d_model} --heads {n_heads} ..."

It knows nothing of isoloss: it takes numbers, trains, and writes one line of JSON with its loss.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Attention and a feed-forward network, each after a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width, bias=False)
        self.mix = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """One layer further, (batch, length, width)."""
        batch, length, width = x.shape
        shape = (batch, length, 3, self.heads, width // self.heads)
        query, key, value = self.attend(self.norm1(x)).view(shape).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    """Bytes in, scores of the next byte out."""

    def __init__(self, layers: int, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.token = nn.Embedding(256, width)
        self.place = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, 256, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores (batch, length, 256)."""
        x = self.token(tokens) + self.place.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.readout(self.norm(x))


def windows(data: Tensor, starts: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """Inputs and the bytes that follow them, (count, context) each."""
    found = data[starts[:, None] + torch.arange(context + 1)]
    return found[:, :-1].long(), found[:, 1:].long()


def loss_of(model: GPT, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy, nats per byte."""
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def main() -> None:
    """Train one model and write what it reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n-layers", type=int, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--heads", type=int, required=True)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--batch", type=int, default=4, help="sequences")
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    data = torch.frombuffer(bytearray(args.text.read_bytes()), dtype=torch.uint8)
    held_back = max(len(data) // 20, args.context + 2)
    train, valid = data[:-held_back], data[-held_back:]
    model = GPT(args.n_layers, args.width, args.heads, args.context)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.99))
    steps = max(1, args.tokens // (args.batch * args.context))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (0.05 * steps + 1)) * (1 - step / steps)
    )
    for step in range(steps):
        starts = torch.randint(len(train) - args.context - 1, (args.batch,))
        loss = loss_of(model, *windows(train, starts, args.context))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.3f}", flush=True)

    with torch.no_grad():
        starts = torch.arange(0, len(valid) - args.context - 1, args.context)
        parts = [loss_of(model, *windows(valid, part, args.context)) for part in starts.split(64)]
        counts = [len(part) for part in starts.split(64)]
    mean = sum(float(p) * c for p, c in zip(parts, counts, strict=True)) / sum(counts)
    result = {
        "loss": mean if math.isfinite(mean) else math.nan,
        "loss_unit": "nats/byte",
        "tokens": steps * args.batch * args.context,
        "n_total": sum(p.numel() for p in model.parameters()),
    }
    args.out.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
