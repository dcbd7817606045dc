"""How long until a command answers? Whole processes, from the shell's point of view.

    python benchmarks/startup.py [--repeat 10]

Wall time of the process, the shortest of several, beside a bare interpreter. Run it on a machine
that does nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

COMMANDS = {
    "--help": ["--help"],
    "--version": ["--version"],
    "runs --help": ["runs", "--help"],
    "fit --help": ["fit", "--help"],
    "a typing error": ["fit", "--nope"],
    "laws": ["laws"],
    "laws show chinchilla": ["laws", "show", "chinchilla", "--at", "N=7B", "D=1.4T"],
    "flops": ["flops", "--arch", "L=12 d=768 H=12 V=50304 T=1024"],
    "plan 1e24 --published": ["plan", "1e24", "--published"],
}


def wall_seconds(words: list[str], repeat: int) -> float:
    """The shortest wall time of a process, the first run left out: it fills caches."""
    times: list[float] = []
    for _ in range(repeat + 1):
        begin = time.perf_counter()
        subprocess.run(words, capture_output=True, check=False)
        times.append(time.perf_counter() - begin)
    return min(times[1:])


def main() -> None:
    """Print seconds and the ratio to a bare interpreter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=10)
    repeat = parser.parse_args().repeat
    bare = wall_seconds([sys.executable, "-c", "pass"], repeat)
    print(f"{'bare interpreter':<24} {bare:6.3f} s")
    for name, words in COMMANDS.items():
        seconds = wall_seconds([sys.executable, "-m", "isoloss", *words], repeat)
        print(f"{'isoloss ' + name:<32} {seconds:6.3f} s   {seconds / bare:5.1f} x")


if __name__ == "__main__":
    main()
