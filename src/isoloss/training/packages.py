"""Which packages of Debian hold texts, and how are they read? Each in a few lines."""

from __future__ import annotations

import gzip
import html
import re
import string
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from isoloss.training.texts import read_texts

_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_DIGITS = {digit: i for i, digit in enumerate(_BASE64)}
_BLOCK = struct.Struct("<III")
_NOTE = re.compile(r"<note\b.*?</note>", re.DOTALL)
_BREAK = re.compile(r"<(?:div|title|lb?|p|chapter)\b[^>]*>")
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"[ \t]+")
_LINE = re.compile(r" ?\n[ \n]*")
_STANZA = re.compile(r"^Files:\s*\*\s*$(.*?)(?:\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
_LICENCE = re.compile(r"^License:\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """A package with texts.

    Attributes:
        name: as in ``debian:NAME``.
        what: one line.
        licence: of the texts, as the package states it.
        text_mb: megabytes of text that it gives.
        wanted: the files of the package that are kept, as patterns.
        read: the documents among these files.
        leads_to: the start of the name of the package that this one stands for.
    """

    name: str
    what: str
    licence: str
    text_mb: float
    wanted: tuple[str, ...]
    read: Callable[[Path], Iterator[str]]
    leads_to: str = ""


def stated_licence(copyright_file: str) -> str | None:
    """The licence of all files but the exceptions, where a copyright file has Debian's form."""
    stanza = _STANZA.search(copyright_file)
    found = stanza and _LICENCE.search(stanza[1])
    return found[1] if found else None


def _plain(folder: Path) -> Iterator[str]:
    """Each file is a document."""
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        yield from read_texts(file)


def _dictionary(folder: Path) -> Iterator[str]:
    """The entries of dictionaries as dictd reads them: places in one file, written in base 64."""
    for index in sorted(folder.rglob("*.index")):
        whole = gzip.decompress(index.with_suffix(".dict.dz").read_bytes())
        rows = (line.split("\t") for line in index.read_text(encoding="utf-8").splitlines())
        places = {
            (_number(row[1]), _number(row[2])) for row in rows if not row[0].startswith("00-")
        }
        for start, size in sorted(places):
            yield whole[start : start + size].decode("utf-8", "replace")


def _number(digits: str) -> int:
    found = 0
    for digit in digits:
        found = 64 * found + _DIGITS[digit]
    return found


def _glosses(folder: Path) -> Iterator[str]:
    """The words of a synset, their definition and examples (wndb(5WN))."""
    for file in sorted(folder.rglob("data.*")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            head, bar, gloss = line.partition(" | ")
            if line.startswith(" ") or not bar:
                continue
            fields = head.split()
            words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
            said = ", ".join(re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in words)
            yield f"{said}: {gloss.strip()}"


def _scripture(folder: Path) -> Iterator[str]:
    """The chapters of SWORD modules: marked-up text in zlib blocks."""
    for table in sorted(folder.rglob("*.[bc]zs")):
        packed = table.with_suffix(table.suffix[:-1] + "z").read_bytes()
        # Offset, size, and size when unpacked.
        for start, size, _ in _BLOCK.iter_unpack(table.read_bytes()):
            text = zlib.decompress(packed[start : start + size]).decode("utf-8", "replace")
            for chapter in text.split("<chapter "):
                # What follows the split begins inside the tag.
                said = without_tags(f"<chapter {chapter}")
                if said:
                    yield said


def without_tags(text: str) -> str:
    """Marked-up text as plain lines, notes left out."""
    text = _TAG.sub("", _BREAK.sub("\n", _NOTE.sub("", text)))
    return _LINE.sub("\n", _SPACE.sub(" ", html.unescape(text))).strip()


_ENTRIES = ("usr/share/dictd/*.index", "usr/share/dictd/*.dict.dz")
_MODULES = ("usr/share/sword/modules/*.?zs", "usr/share/sword/modules/*.?zz")

PACKAGES: dict[str, Package] = {
    package.name: package
    for package in (
        Package(
            "dict-gcide",
            "Webster's dictionary of 1913 with additions, by entry",
            "GPL-2+",
            40,
            _ENTRIES,
            _dictionary,
        ),
        Package(
            "dict-foldoc",
            "dictionary of computing, by entry",
            "GFDL-1.1+",
            5.6,
            _ENTRIES,
            _dictionary,
        ),
        Package(
            "wordnet-base",
            "words, definitions and examples of WordNet, by synset",
            "WordNet3.0",
            11.4,
            ("usr/share/wordnet/data.*",),
            _glosses,
        ),
        Package(
            "linux-doc",
            "documentation of the Linux kernel, reStructuredText",
            "GPL-2",
            24,
            ("usr/share/doc/linux-doc-*/html/_sources/*.rst.txt*",),
            _plain,
            "linux-doc-",
        ),
        Package(
            "perl-doc",
            "documentation of Perl, pod",
            "GPL-1+ or Artistic",
            8.8,
            ("usr/share/perl/*.pod",),
            _plain,
        ),
        Package(
            "anarchism",
            "An Anarchist FAQ, long political prose, Markdown",
            "GPL-2",
            12,
            ("usr/share/doc/anarchism/markdown/*.md*",),
            _plain,
        ),
        Package(
            "sword-comm-tdavid",
            "Spurgeon's Treasury of David, prose of 1885, by chapter",
            "public-domain",
            12,
            _MODULES,
            _scripture,
        ),
        Package(
            "sword-comm-mhcc",
            "Matthew Henry's Concise Commentary, by chapter",
            "public-domain",
            4,
            _MODULES,
            _scripture,
        ),
        Package(
            "sword-text-web",
            "World English Bible, by chapter",
            "public-domain",
            5,
            _MODULES,
            _scripture,
        ),
    )
}
