"""Small packages of texts, and an apt that serves them from a folder, without a network."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: GPL-2-test
 Its words.

Files: debian/*
License: MIT
"""

APT_CACHE = """#!/bin/sh
shift 2
if [ -f "$BIN/$1.record" ]; then cat "$BIN/$1.record"; exit 0; fi
echo "E: No packages found" >&2; exit 100
"""

APT_GET = """#!/bin/sh
for last; do :; done
name=${last%%=*}
echo "$last" >> "$BIN/calls"
case "$FAKE_APT" in
fail) echo "E: Failed to fetch it" >&2; exit 100 ;;
full) echo "E: Write error - write (28: No space left on device)" >&2; exit 100 ;;
short) head -c 100 "$BIN/$name.deb" > "$name.deb" ;;
kill) head -c 100 "$BIN/$name.deb" > "$name.deb"; kill -9 $PPID; sleep 1 ;;
*) cp "$BIN/$name.deb" . ;;
esac
"""


class FakeApt:
    """An apt of its own.

    Args:
        folder: where commands and packages lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name, text in (("apt-cache", APT_CACHE), ("apt-get", APT_GET)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    @property
    def downloads(self) -> list[str]:
        """What was downloaded so far."""
        calls = self.folder / "calls"
        return calls.read_text().split() if calls.exists() else []

    def offer(self, package: str, files: dict[str, bytes], depends: str = "") -> None:
        """Offer a package with these files."""
        tree = self.folder / f"tree-{package}"
        named = {f"usr/share/doc/{package}/copyright": COPYRIGHT.encode()} | files
        for name, content in named.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(content)
        (tree / "DEBIAN").mkdir()
        control = f"Package: {package}\nVersion: 1.0-1\nArchitecture: all\n"
        control += "Maintainer: nobody <nobody@example.org>\nDescription: texts\n"
        (tree / "DEBIAN" / "control").write_text(control)
        deb = self.folder / f"{package}.deb"
        words = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(deb)]
        subprocess.run(words, check=True, capture_output=True)
        data = deb.read_bytes()
        record = f"Package: {package}\nVersion: 1.0-1\nSize: {len(data)}\n"
        record += f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
        record += f"Depends: {depends}\n" if depends else ""
        (self.folder / f"{package}.record").write_text(record)

    def use(self, monkeypatch: pytest.MonkeyPatch, corpora: Path) -> None:
        """Be the apt of this process, with fetched texts in a folder of its own."""
        monkeypatch.setenv("BIN", str(self.folder))
        monkeypatch.setenv("PATH", f"{self.folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("ISOLOSS_CORPORA", str(corpora))


def dictionary() -> dict[str, bytes]:
    """Two entries, and a third word for the second one, as dictd reads them."""
    entries = [b"apple\n  A fruit.\n", b"zebra\n  An animal.\n"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    first, second = (digits[len(entry)] for entry in entries)
    rows = ["00-database-info\tA\tB", f"apple\tA\t{first}"]
    rows += [f"zebra\t{first}\t{second}", f"zebras\t{first}\t{second}"]
    home = "usr/share/dictd/gcide"
    index = "\n".join(rows).encode()
    return {f"{home}.index": index, f"{home}.dict.dz": gzip.compress(b"".join(entries))}


def synsets() -> dict[str, bytes]:
    """One synset below its licence."""
    text = "  1 A licence  \n00005930 03 a 02 very_small(p) 0 tiny 0 001 @ 00004475 n 0000"
    text += ' | not large; "a tiny bit"  \n'
    return {"usr/share/wordnet/data.adj": text.encode()}


def module() -> dict[str, bytes]:
    """Two chapters in one block of a SWORD module."""
    text = '<div type="book"/> Preface &amp; more <chapter n="1"/><w lemma="G1">In</w> the'
    text += ' beginning.<note>A note.</note> <div type="x-p"/> Then <chapter n="2"/>came light.'
    packed = zlib.compress(text.encode())
    home = "usr/share/sword/modules/comments/zcom/tdavid/ot"
    return {f"{home}.czs": struct.pack("<III", 0, len(packed), len(text)), f"{home}.czz": packed}
