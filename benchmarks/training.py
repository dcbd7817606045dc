"""How fast do small models train, beside plain PyTorch and nanoGPT-style code of the same shape?

    python benchmarks/training.py [--shapes 32x2 64x3 128x4 256x6] [--rounds 5] [--seconds 0.5]
    python benchmarks/training.py --compile       # also the plain model by torch.compile
    python benchmarks/training.py --startup       # only: how long until a run has begun?

Each contestant has a process and one thread of its own and takes turns with the others, so that
whatever else the machine does hits all alike. Printed are tokens per CPU second (the best round),
ratios, and the share of the rate of a 1024 x 1024 matrix product, measured in the same rounds.
Population: four runs side by side, tokens of all four. With ``--compile`` plain PyTorch runs
compiled as well (it needs a C++ compiler; said where there is none), and the CPU seconds until its
third step are printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

CONTEXT, BATCH, VOCAB = 128, 4, 256
CONTESTANTS = ["isoloss", "population of 4", "plain PyTorch", "nanoGPT-style", "matrix product"]
COMPILED = "compiled PyTorch"
Step = Callable[[int], None]


def isoloss_step(width: int, layers: int, folder: str, count: int = 1) -> Step:
    """The trainer of this project, as its workers run it."""
    from isoloss.training.corpora import open_corpus
    from isoloss.training.setting import settle
    from isoloss.training.spec import RunSpec, vary
    from isoloss.training.trainer import Trainer

    settle()
    shape = {"d_model": width, "n_layers": layers, "steps": 100_000, "seq_len": CONTEXT}
    spec = vary(RunSpec(), {**shape, "batch_sequences": BATCH})
    trainer = Trainer([vary(spec, {"seed": i}) for i in range(count)], open_corpus(folder))
    return trainer.advance


def plain_step(width: int, layers: int, *, compiled: bool = False) -> Step:
    """The same model as anyone would write it: modules, built-in functions, AdamW, clipping."""
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn

    heads = max(1, width // 16)
    angles = torch.arange(CONTEXT)[:, None] * 128.0 ** -(torch.arange(0, 16, 2) / 16)
    cos, sin = angles.cos(), angles.sin()

    def turned(x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=-1)
        return torch.cat((left * cos - right * sin, left * sin + right * cos), dim=-1)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.Linear(width, 3 * width, bias=False)
            self.mix = nn.Linear(width, width, bias=False)
            self.up = nn.Linear(width, 4 * width, bias=False)
            self.down = nn.Linear(4 * width, width, bias=False)
            self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)

        def forward(self, x: Tensor) -> Tensor:
            shape = (BATCH, CONTEXT, 3, heads, 16)
            query, key, value = self.attend(self.norm1(x)).view(shape).permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(turned(query), turned(key), value, is_causal=True)
            x = x + self.mix(seen.transpose(1, 2).reshape(BATCH, CONTEXT, width))
            return x + self.down(F.gelu(self.up(self.norm2(x))))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Embedding(VOCAB, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.RMSNorm(width)
            self.readout = nn.Linear(width, VOCAB, bias=False)

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.token(tokens)
            x = x + 0.5 * F.pad(x, (0, 0, 1, -1))
            for block in self.blocks:
                x = block(x)
            return self.readout(self.norm(x))

    return _loop(Model(), compiled=compiled)


def nano_step(width: int, layers: int) -> Step:
    """The script of ``examples/``: LayerNorm, biases, learned positions."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    from nano_train import GPT  # pyright: ignore[reportMissingImports]

    return _loop(GPT(layers, width, max(1, width // 16), CONTEXT))


def _loop(model: object, *, compiled: bool = False) -> Step:
    import torch
    import torch.nn.functional as F
    from torch import nn

    assert isinstance(model, nn.Module)
    data = torch.from_numpy(np.random.default_rng(0).integers(0, VOCAB, 1_000_000))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99))
    forward = torch.compile(model) if compiled else model
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 / (1.0 + step))

    def run(steps: int) -> None:
        for _ in range(steps):
            starts = torch.randint(len(data) - CONTEXT - 1, (BATCH,))
            found = data[starts[:, None] + torch.arange(CONTEXT + 1)]
            scores = forward(found[:, :-1])
            loss = F.cross_entropy(scores.flatten(0, 1), found[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()

    return run


def product_step() -> Step:
    """Matrix products of side 1024: the measure of what the core can do."""
    import torch

    matrix = torch.randn(1024, 1024)

    def run(steps: int) -> None:
        for _ in range(steps):
            torch.mm(matrix, matrix)

    return run


def contestant(pipe: Connection, name: str, width: int, layers: int, folder: str) -> None:
    """A process: told a time, works for about that long and says its steps per CPU second."""
    import torch

    torch.set_num_threads(1)
    makers: dict[str, Callable[[], Step]] = {
        "isoloss": lambda: isoloss_step(width, layers, folder),
        "population of 4": lambda: isoloss_step(width, layers, folder, 4),
        "plain PyTorch": lambda: plain_step(width, layers),
        COMPILED: lambda: plain_step(width, layers, compiled=True),
        "nanoGPT-style": lambda: nano_step(width, layers),
        "matrix product": product_step,
    }
    began = cpu_seconds()
    step = makers[name]()
    step(3)
    pipe.send(cpu_seconds() - began)
    while (seconds := pipe.recv()) > 0:
        began, done = time.process_time(), 0
        while time.process_time() - began < seconds:
            step(5)
            done += 5
        pipe.send(done / (time.process_time() - began))


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def rates(
    width: int, layers: int, folder: str, rounds: int, seconds: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Steps per CPU second of each contestant, the best of its rounds; CPU seconds to begin."""
    context = multiprocessing.get_context("spawn")
    best: dict[str, float] = dict.fromkeys(CONTESTANTS, 0.0)
    pipes: dict[str, Connection] = {}
    crew = []
    first: dict[str, float] = {}
    for name in CONTESTANTS:
        pipes[name], theirs = context.Pipe()
        words = (theirs, name, width, layers, folder)
        crew.append(context.Process(target=contestant, args=words, daemon=True))
        crew[-1].start()
        first[name] = pipes[name].recv()
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send(seconds)
            best[name] = max(best[name], pipe.recv())
    for pipe, process in zip(pipes.values(), crew, strict=True):
        pipe.send(0.0)
        process.join()
    return best, first


def startup(folder: Path) -> None:
    """Print how long a ladder of one run takes to its first step, on a corpus that is there."""
    import torch

    print(f"PyTorch {torch.__version__}; seconds from the call of isoloss ladder run")
    print(f"{'':<14}{'wall':>8}{'CPU':>8}")
    template = '[corpus]\nsources = {{ text = "{texts}" }}\n[[run]]\n'
    template += "d_model = 64\nn_layers = 3\nsteps = {steps}\nseed = {seed}\nevals = 12\n"
    for number in range(4):
        spec = folder / "one.toml"
        # The first run, of three steps, builds the corpus.
        text = template.format(texts=folder / "texts", steps=2000 if number else 3, seed=number)
        spec.write_text(text)
        before = set(folder.glob("ladder/runs/*"))
        words = [sys.executable, "-m", "isoloss", "ladder", "run", str(spec)]
        words += ["--into", str(folder / "ladder"), "--workers", "1", "--quiet"]
        began, spent = time.perf_counter(), os.times()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        ready = math.nan
        while process.poll() is None:
            new = [home / "metrics.jsonl" for home in set(folder.glob("ladder/runs/*")) - before]
            if math.isnan(ready) and any(file.exists() for file in new):
                ready = time.perf_counter() - began
            if number and any(file.exists() and file.stat().st_size for file in new):
                process.send_signal(signal.SIGINT)  # ends its worker as well, whose time counts
                break
            time.sleep(0.005)
        first = time.perf_counter() - began
        process.wait()
        used = os.times()
        cpu = used.children_user + used.children_system
        cpu -= spent.children_user + spent.children_system
        if number:
            print(f"{'model ready':<14}{ready:>8.2f}")
            print(f"{'first point':<14}{first:>8.2f}{cpu:>8.2f}", flush=True)


def main() -> None:
    """Print one line per shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=["32x2", "64x3", "128x4", "256x6"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--startup", action="store_true")
    options = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is absent: nothing to measure (pip install 'isoloss[train]')")
        return
    if options.compile and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        print("no C++ compiler: compiled PyTorch is left out")
    elif options.compile:
        CONTESTANTS.append(COMPILED)
    from isoloss.training.corpora import build_corpus
    from isoloss.training.counts import model_flop_per_token
    from isoloss.training.spec import Model

    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        texts = Path(folder) / "texts"
        texts.mkdir()
        for i in range(100):
            (texts / f"{i}.txt").write_text("".join(map(chr, rng.integers(32, 127, 10_000))))
        if options.startup:
            startup(Path(folder))
            return
        print("tokens per CPU second; ratios to plain PyTorch and nanoGPT-style; share of the peak")
        print(f"{'shape':<8}{'isoloss':>9}{'pop. 4':>9}{'plain':>9}{'nano':>9}", end="")
        print(f"{'/plain':>8}{'/nano':>8}{'pop/one':>9}{'of peak':>9}{'plain of peak':>15}")
        corpus = build_corpus({"text": str(texts)}, folder, validation=0.1)
        for shape in options.shapes:
            width, layers = map(int, shape.split("x"))
            found, first = rates(width, layers, str(corpus.folder), options.rounds, options.seconds)
            tokens = {name: rate * BATCH * CONTEXT for name, rate in found.items()}
            own, plain, nano = (tokens[n] for n in ("isoloss", "plain PyTorch", "nanoGPT-style"))
            together = 4 * tokens["population of 4"]
            peak = found["matrix product"] * 2.0 * 1024**3
            flop = model_flop_per_token(Model(d_model=width, n_layers=layers, seq_len=CONTEXT))
            print(f"{shape:<8}{own:>9.0f}{together:>9.0f}{plain:>9.0f}{nano:>9.0f}", end="")
            print(f"{own / plain:>8.2f}{own / nano:>8.2f}{together / own:>9.2f}", end="")
            print(f"{flop * own / peak:>9.2f}{flop * plain / peak:>15.2f}", flush=True)
            if COMPILED in tokens:
                compiled = tokens[COMPILED]
                print(f"  compiled: {compiled:.0f}, isoloss/compiled {own / compiled:.2f},", end="")
                print(f" {first[COMPILED]:.0f} CPU s to its third step", end="")
                print(f" (isoloss {first['isoloss']:.1f})", flush=True)


if __name__ == "__main__":
    main()
