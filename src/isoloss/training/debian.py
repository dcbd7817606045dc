"""How do texts of Debian's packages get here? By one explicit call that says first what it loads.

Nothing is installed: ``apt-get download`` brings the package, its files of texts and its copyright
file are kept, and the rest is thrown away. It needs neither root nor the network a second time.

    FOLDER/debian/dict-gcide/source.json    what it is: package, version, bytes, hash, licence
    FOLDER/debian/dict-gcide/copyright      the package's own words
    FOLDER/debian/dict-gcide/files/         the texts as they were packed
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from isoloss.atomic import write_text
from isoloss.document import dumps
from isoloss.errors import InputError, Where
from isoloss.training.locks import held, make_folder
from isoloss.training.packages import PACKAGES, Package, stated_licence

PREFIX = "debian:"
FOUND = "source.json"
COPYRIGHT = "copyright"
FILES = "files"
FOLDER_VARIABLE = "ISOLOSS_CORPORA"
_PATIENCE = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30")
_LONGEST = 200


@dataclass(frozen=True)
class Offer:
    """A package of texts: what is here, or what would be downloaded.

    Attributes:
        name: as in ``debian:NAME``.
        package: of Debian; it may carry a version in its name.
        version: of the package.
        bytes: of the download.
        sha256: of the download.
        licence: of the texts, as the package states it.
        what: one line.
        text_mb: megabytes of text that it gives, about.
        here: whether it was fetched.
    """

    name: str
    package: str
    version: str
    bytes: int
    sha256: str
    licence: str
    what: str
    text_mb: float
    here: bool


def corpora_folder(folder: str | Path | None = None) -> Path:
    """Where fetched texts lie: as asked, as ISOLOSS_CORPORA says, or in the user's cache."""
    if folder is not None:
        return Path(folder)
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "isoloss" / "corpora"


def place(name: str, folder: str | Path | None = None) -> Path:
    """Where a package's texts lie once they are fetched."""
    return corpora_folder(folder) / "debian" / known(name).name


def known(name: str) -> Package:
    """The package of a name, with or without ``debian:``.

    Raises:
        InputError: isoloss does not know how to read such a package.
    """
    plain = name.removeprefix(PREFIX)
    if plain not in PACKAGES:
        raise InputError(
            f'found "{name[:60]}" where a package of texts is expected.',
            code="unknown_package",
            where=Where(field=name[:60]),
            hint=f"Known: {', '.join(PACKAGES)}.",
        )
    return PACKAGES[plain]


def fetched(home: Path) -> Offer | None:
    """What was fetched into this folder; None where nothing was.

    Raises:
        InputError: the folder is damaged.
    """
    try:
        text = (home / FOUND).read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        return Offer(**json.loads(text))
    except (ValueError, TypeError):
        raise InputError(
            "this file is not whole.",
            code="bad_package",
            where=Where(file=str(home / FOUND)),
            hint="Remove the folder and fetch the package again.",
        ) from None


def look_up(name: str, folder: str | Path | None = None) -> Offer:
    """What is here of a package, or what a download would bring; nothing is downloaded.

    Raises:
        InputError: the package is not known to isoloss or to apt, or there is no apt.
    """
    here = fetched(place(name, folder))
    if here is not None:
        return here
    package = known(name)
    record = _record(package.name, folder)
    if package.leads_to:
        found = re.search(rf"\b{re.escape(package.leads_to)}[\w.+-]+", record.get("Depends", ""))
        if found:
            record = _record(found[0], folder)
    return Offer(
        name=package.name,
        package=record["Package"],
        version=record["Version"],
        bytes=int(record["Size"]),
        sha256=record["SHA256"],
        licence=package.licence,
        what=package.what,
        text_mb=package.text_mb,
        here=False,
    )


def fetch(
    offer: Offer, folder: str | Path | None = None, say: Callable[[str], None] = lambda _: None
) -> Offer:
    """Download a package that was looked up, unless it is here; whole or not at all.

    Args:
        offer: what `look_up` found.
        folder: where fetched texts lie; see `corpora_folder`.
        say: told what is about to be downloaded.

    Raises:
        InputError: the download failed or is damaged, or the texts cannot be written.
    """
    home = place(offer.name, folder)
    make_folder(home.parent)
    building = home.parent / f".fetching-{offer.name}"
    with held(home.parent / f".{offer.name}.lock") as mine:
        if not mine:
            raise InputError(
                "another process is fetching this package.",
                code="locked",
                where=Where(file=str(home)),
                hint="Wait for it; then it is here.",
            )
        here = fetched(home)
        if here is not None:
            return here
        say(f"downloading {offer.package} {offer.version}, {offer.bytes:,} bytes")
        try:
            # What a killed call left behind.
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            found = _bring(offer, building, folder)
            shutil.rmtree(home, ignore_errors=True)
            building.rename(home)
        except OSError as error:
            raise InputError(
                f"the texts cannot be written ({error.strerror or error}).",
                code="disk_full" if error.errno == errno.ENOSPC else "not_writable",
                where=Where(file=str(home)),
                hint=f"Choose a folder with room: --folder, or the variable {FOLDER_VARIABLE}.",
            ) from None
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return found


def _bring(offer: Offer, building: Path, folder: str | Path | None) -> Offer:
    """Download, check and unpack into a folder that is not yet the one that counts."""
    down = building / "download"
    down.mkdir()
    wanted = f"{offer.package}={offer.version}"
    _call(["apt-get", *_PATIENCE, "download", "--quiet", wanted], folder, offer.name, down)
    archives = list(down.glob("*.deb"))
    data = archives[0].read_bytes() if archives else b""
    if len(data) != offer.bytes or hashlib.sha256(data).hexdigest() != offer.sha256:
        raise InputError(
            f"{len(data):,} bytes arrived that are not the {offer.bytes:,} announced.",
            code="damaged_download",
            where=Where(field=offer.package),
            hint="Call it again; if it stays so, apt-get update (as root) renews apt's lists.",
        )
    count = _unpack(archives[0], offer, building, folder)
    if not count:
        raise InputError(
            f"version {offer.version} of this package holds no texts where they are expected.",
            code="no_text",
            where=Where(field=offer.package),
        )
    shutil.rmtree(down)
    words = building / COPYRIGHT
    stated = stated_licence(words.read_text("utf-8", "replace")) if words.exists() else None
    found = replace(offer, here=True, licence=stated or offer.licence)
    write_text(building / FOUND, dumps(asdict(found)))
    return found


def _unpack(archive: Path, offer: Offer, into: Path, folder: str | Path | None) -> int:
    """Keep the wanted files of a package; returns how many. Links lead nowhere and are left out."""
    tree = into / "tree.tar"
    with tree.open("wb") as file:
        _call(["dpkg-deb", "--fsys-tarfile", str(archive)], folder, offer.name, into=file)
    count, wanted = 0, known(offer.name).wanted
    with tarfile.open(tree, "r:") as whole:
        for member in whole:
            parts = PurePosixPath(member.name).parts
            inside = "/".join(part for part in parts if part != ".")
            if ".." in parts or not (member.isreg() and (content := whole.extractfile(member))):
                continue
            if inside == f"usr/share/doc/{offer.package}/{COPYRIGHT}":
                target = into / COPYRIGHT
            elif any(fnmatchcase(inside, pattern) for pattern in wanted):
                target = into / FILES / inside
                count += 1
            else:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)
    tree.unlink()
    return count


def _record(package: str, folder: str | Path | None) -> Mapping[str, str]:
    """What apt knows of a package, by field."""
    text = _call(["apt-cache", "show", "--no-all-versions", package], folder, package)
    found: dict[str, str] = {}
    for line in text.split("\n\n")[0].splitlines():
        name, colon, value = line.partition(": ")
        if colon and not line.startswith(" "):
            found.setdefault(name, value)
    missing = [name for name in ("Package", "Version", "Size", "SHA256") if name not in found]
    if missing:
        raise _not_offered(package, f"it says nothing of {', '.join(missing)}")
    return found


def _call(
    words: Sequence[str],
    folder: str | Path | None,
    name: str,
    inside: Path | None = None,
    into: Any = subprocess.PIPE,
) -> str:
    """Call one of apt's commands and give what it wrote.

    Raises:
        InputError: there is no such command, or it failed.
    """
    try:
        done = subprocess.run(
            words,
            cwd=inside,
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=subprocess.PIPE,
            env=os.environ | {"LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise InputError(
            f"this machine has no {words[0]}, which Debian and its relatives have.",
            code="no_apt",
            where=Where(field=name),
            hint="Fetch it on one that has and copy the folder "
            f"{corpora_folder(folder) / 'debian' / name} to the same place here; as the source of "
            "a domain the folder itself will do as well.",
        ) from None
    if done.returncode == 0:
        return (done.stdout or b"").decode("utf-8", "replace")
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines()]
    said = next((line for line in reversed(lines) if line.startswith(("E:", "dpkg"))), "")
    said = said or (lines[-1] if lines else f"exit code {done.returncode}")
    if words[0] == "apt-cache":
        raise _not_offered(name, said)
    if "No space left on device" in done.stderr.decode("utf-8", "replace"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    online = "Is the network there? apt-get update (as root) renews apt's lists."
    raise InputError(
        f"{words[0]} failed: {said[:_LONGEST]}",
        code="download_failed",
        where=Where(field=name),
        hint=f"Nothing was kept. {online}" if words[0] == "apt-get" else "Nothing was kept.",
    )


def _not_offered(package: str, said: str) -> InputError:
    return InputError(
        f"apt does not offer this package here ({said[:_LONGEST]}).",
        code="not_offered",
        where=Where(field=package),
        hint="apt-get update (as root) renews apt's lists; Debian has the package in main.",
    )
