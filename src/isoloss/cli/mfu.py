"""``isoloss mfu``: the utilisation that larger models will reach, from the throughput of runs."""

from __future__ import annotations

from isoloss.cli.documents import document
from isoloss.cli.options import OUTPUT, READING, Amount, Draws, Output, Reading, Seed
from isoloss.cli.targets import check_target
from isoloss.cli.text import footer


def mfu(
    *runs: str,
    hardware: str | None = None,
    hardware_table: str | None = None,
    at: Amount | None = None,
    draws: Draws = 400,
    level: float = 0.9,
    seed: Seed = 0,
    save: str | None = None,
    reading: Reading = READING,
    output: Output = OUTPUT,
) -> None:
    """Fit MFU(N) to the throughput of runs, and say what a larger model will reach.

    Runs need N and a column mfu; or FLOP and device, with device_hours, or wall_seconds and
    n_devices, or tokens_per_second and n_devices. Exits with 3 on fewer than four sizes.

    Args:
        runs: Files, folders or patterns: CSV, TSV, Parquet, JSON lines.
        hardware: The accelerator, where the runs do not name it in a column device.
        hardware_table: A TOML file with [hardware.ID] tables of your own.
        at: Also say the MFU of this size, such as 70B.
        draws: Refits for the intervals.
        level: Nominal coverage of the intervals.
        seed: Seed of the draws.
        save: Also write the curve to this JSON file, for isoloss plan --mfu FILE.
        reading: How the tables are read.
        output: How the answer is written.
    """
    from isoloss.planning.hardware import fit_mfu
    from isoloss.runs import format_quantity

    if save is not None:
        check_target(save, "isoloss.mfu", runs)
    found = fit_mfu(
        reading.read(runs),
        device=hardware,
        table=hardware_table,
        draws=draws,
        level=level,
        seed=seed,
    )
    if save is not None:
        found.save(save)
        output.note(f"-> {save}")
    asked = None if at is None else found.at(at)

    def text() -> str:
        lines = [found.summary()]
        if at is not None and asked is not None:
            ends = f"{asked.lo:.3g} to {asked.hi:.3g}"
            lines.append(f"  at {format_quantity(at)}: MFU {asked.estimate:.3g} ({ends})")
        return "\n".join([*lines, footer(found.data_hash, found.seed)])

    output.give(
        text=text,
        document=lambda: (
            document("mfu")
            | found.to_dict()
            | {
                "at": None
                if at is None or asked is None
                else {"n_params": at, "mfu": asked.to_dict()}
            }
        ),
    )
