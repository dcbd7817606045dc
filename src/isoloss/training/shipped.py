"""Which ladders come with isoloss? TOML files beside this module, known by name."""

from __future__ import annotations

from pathlib import Path

from isoloss.errors import InputError, Where

_FOLDER = Path(__file__).parent / "ladders"


def shipped() -> tuple[str, ...]:
    """The names of the ladders that come with isoloss, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def find_ladder(name: str) -> Path:
    """The file of a ladder: one that comes with isoloss, or the user's own.

    Raises:
        InputError: there is neither.
    """
    if name in shipped():
        return _FOLDER / f"{name}.toml"
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f'found "{name}" where a ladder is expected, and there is no such file.',
            code="no_such_file",
            where=Where(file=name),
            hint=f"Write a TOML file, or take one that is shipped: {', '.join(shipped())}.",
        )
    return path
