"""How long until a command answers? Whole processes, from the shell's point of view.

    python benchmarks/startup.py [--repeat 10]

Wall and CPU time of the process, the shortest of several, beside a bare interpreter. Wall time
means something on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import resource
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


def seconds(words: list[str], repeat: int) -> tuple[float, float]:
    """The shortest wall and CPU time of a process; the first run is left out: it fills caches."""
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(repeat + 1):
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, capture_output=True, check=False)
        wall.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(wall[1:]), min(cpu[1:])


def main() -> None:
    """Print seconds and the ratio to a bare interpreter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=10)
    repeat = parser.parse_args().repeat
    bare, bare_cpu = seconds([sys.executable, "-c", "pass"], repeat)
    print(f"{'':<32} {'wall':>8} {'CPU':>8} {'wall ratio':>11}")
    print(f"{'bare interpreter':<32} {bare:6.3f} s {bare_cpu:6.3f} s")
    for name, words in COMMANDS.items():
        wall, cpu = seconds([sys.executable, "-m", "isoloss", *words], repeat)
        print(f"{'isoloss ' + name:<32} {wall:6.3f} s {cpu:6.3f} s {wall / bare:9.1f} x")


if __name__ == "__main__":
    main()
