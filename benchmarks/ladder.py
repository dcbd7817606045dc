"""How long does a shipped ladder take here, and has every budget of it a minimum inside its sizes?

    python benchmarks/ladder.py [NAME] [--into FOLDER]

NAME is test (about a minute on two cores) or coffee (10 to 15 minutes). Ends with 1 if fewer than
three budgets have a minimum between their smallest and their largest size.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FEWEST = 3


def main() -> int:
    """Train, fit the profiles, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="test")
    parser.add_argument("--into", help="keep the ladder in this folder")
    options = parser.parse_args()
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        print("needs PyTorch (extra train): skipped")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return run(options.name, Path(options.into or folder))


def run(name: str, folder: Path) -> int:
    """One ladder in its folder."""
    from isoloss.fitting.isoflop import isoflop
    from isoloss.runs import read

    began = time.monotonic()
    words = [sys.executable, "-m", "isoloss", "ladder", "run", name, "--into", str(folder)]
    subprocess.run(words, check=True)
    print(f"{name}: {time.monotonic() - began:.0f} s from the command to the table")
    optima = isoflop(read(folder), draws=200).optima
    for one in optima:
        kind = "inside" if one.interior else f"beyond the {one.edge or 'sizes'}"
        n = one.n_params
        print(
            f"  {one.flop:.2e} FLOP, {one.n_sizes} sizes: N* = {n.estimate:,.0f} "
            f"({n.lo:,.0f} to {n.hi:,.0f}), loss {one.loss.estimate:.3f}, {kind}"
        )
    inside = sum(one.interior for one in optima)
    print(f"{inside} of {len(optima)} budgets have a minimum inside their sizes")
    return 0 if inside >= FEWEST else 1


if __name__ == "__main__":
    sys.exit(main())
