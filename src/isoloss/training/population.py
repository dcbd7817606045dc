"""How many runs that are alike should train side by side? Measured once, on the device itself."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.training.corpora import Corpus
from isoloss.training.ladder import read_object
from isoloss.training.layout import POPULATION
from isoloss.training.setting import Setting
from isoloss.training.spec import RunSpec, vary
from isoloss.training.trainer import Trainer, likeness

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
GAIN = 1.05  # a larger population must be faster by this to be worth its memory
WARM_STEPS = 3
LEAST_SECONDS = 0.3


def best_size(spec: RunSpec, corpus: Corpus, setting: Setting, most: int, folder: Path) -> int:
    """The number of runs like this one that together read the most tokens per second.

    Sizes are doubled until that no longer helps, there are no more runs, or memory ends. What was
    measured is kept in the ladder's folder, by shape and device.

    Args:
        spec: one of the runs.
        corpus: what they read.
        setting: where they train.
        most: how many runs there are.
        folder: of the ladder.
    """
    if most < 2:
        return 1
    file = folder / POPULATION
    known = read_object(file) or {}
    shape = repr((likeness(vary(spec, {"steps": 1, "evals": 1})), setting.device))
    key = hashlib.sha256(shape.encode()).hexdigest()[:16]
    paces: dict[str, float] = known.get(key, {}).get("tokens_per_s", {})
    best = 1
    for size in SIZES:
        if size > most:
            break
        if str(size) not in paces:
            paces[str(size)] = _tokens_per_second(spec, corpus, setting.device, size)
            model = f"{spec.model.kind} {spec.model.d_model}x{spec.model.n_layers}"
            known[key] = {"model": model, "device": setting.device, "tokens_per_s": paces}
            write_text(file, dumps(known))
        if size > 1 and paces[str(size)] < GAIN * paces[str(best)]:
            break
        best = size
    return best


def _tokens_per_second(spec: RunSpec, corpus: Corpus, device: str, size: int) -> float:
    """Of a population of some size, training; 0 where it does not fit into memory.

    On a CPU the time of the process counts, so that others at work do not disturb.
    """
    import torch

    steps = 10 * WARM_STEPS
    short = vary(spec, {"steps": 1000})
    clock = time.process_time if device == "cpu" else time.perf_counter
    try:
        trainer = Trainer([vary(short, {"seed": i}) for i in range(size)], corpus, device)
        trainer.advance(WARM_STEPS)
        began, done = clock(), 0
        while clock() - began < LEAST_SECONDS and done < steps:
            trainer.advance(WARM_STEPS)  # ends with the losses on the CPU, so all is done
            done += WARM_STEPS
        return size * done * spec.batch_tokens / max(clock() - began, 1e-9)
    except (MemoryError, torch.OutOfMemoryError):
        return 0.0
