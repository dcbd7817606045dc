"""``isoloss corpus``: which texts there are, fetch some, build a corpus, read its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from isoloss.cli.options import OUTPUT, Output
from isoloss.cli.text import columns
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.training.debian import Offer
    from isoloss.training.shards import Corpus

Folder = Annotated[
    str | None,
    Parameter(
        name="--folder",
        help="Where fetched texts lie, in place of ISOLOSS_CORPORA or ~/.cache/isoloss/corpora.",
    ),
]
MB = 1e6


def list_sources(*, folder: Folder = None, output: Output = OUTPUT) -> None:
    """List the texts that are known by name, and whether they are here.

    Args:
        folder: Where fetched texts lie.
        output: How the answer is written.
    """
    from isoloss.document import envelope
    from isoloss.training.debian import corpora_folder

    found = _known(folder)
    place = str(corpora_folder(folder))
    output.give(
        text=lambda: _list_text(found, place),
        document=lambda: envelope("corpus_sources") | {"folder": place, "sources": found},
    )


def fetch(*name: str, yes: bool = False, folder: Folder = None, output: Output = OUTPUT) -> None:
    """Say what a download of texts from Debian would bring; with --yes, bring it.

    Nothing is installed, and what is here is not downloaded again.

    Args:
        name: Packages, as isoloss corpus list names them, with or without debian:.
        yes: Download them.
        folder: Where fetched texts lie.
        output: How the answer is written.
    """
    from isoloss.document import envelope
    from isoloss.training.debian import corpora_folder, look_up
    from isoloss.training.debian import fetch as bring

    if not name:
        raise InputError(
            "no package is named.",
            code="missing_argument",
            where=Where(field="NAME"),
            hint="isoloss corpus list lists them.",
        )
    offers = [look_up(one, folder) for one in dict.fromkeys(name)]
    size = sum(offer.bytes for offer in offers if not offer.here)
    place = str(corpora_folder(folder))
    if yes:
        if size:
            output.note(_offers_text(offers))
        offers = [bring(offer, folder, output.note) for offer in offers]
    output.give(
        text=lambda: _fetch_text(offers, size, place, yes=yes),
        document=lambda: (
            envelope("corpus_fetch")
            | {"folder": place, "downloaded": bool(yes and size), "bytes": size}
            | {"packages": [asdict(offer) for offer in offers]}
        ),
    )


def build(spec: str, /, *, into: str, output: Output = OUTPUT) -> None:
    """Build the corpus of a ladder without training anything, and show its card.

    isoloss ladder run of the same file into the same folder finds it there.

    Args:
        spec: The TOML file of the ladder, or one that comes with isoloss.
        into: The folder of the ladder.
        output: How the answer is written.
    """
    from isoloss.training.ladder import build_its_corpus
    from isoloss.training.locks import alone
    from isoloss.training.shipped import find_ladder
    from isoloss.training.templates import read_ladder

    wanted = read_ladder(find_ladder(spec))
    with alone(Path(into)), output.working("preparing the corpus"):
        corpus = build_its_corpus(wanted, Path(into))
    if corpus is None:
        raise _no_corpus(spec)
    output.note(f"-> {corpus.folder}")
    _give(corpus, output)


def card(folder: str = "ladder", /, *, output: Output = OUTPUT) -> None:
    """Show the card of a corpus: sources, licences, documents, bytes, tokens, hash.

    Args:
        folder: Of a corpus, or of a ladder.
        output: How the answer is written.
    """
    from isoloss.training.ladder import open_ladder
    from isoloss.training.shards import CARD, open_corpus

    is_corpus = (Path(folder) / CARD).exists()
    corpus = open_corpus(folder) if is_corpus else open_ladder(folder).corpus()
    if corpus is None:
        raise _no_corpus(folder)
    _give(corpus, output)


def _give(corpus: Corpus, output: Output) -> None:
    output.give(text=corpus.summary, document=corpus.to_dict)


def _no_corpus(place: str) -> InputError:
    return InputError(
        "this ladder has no corpus: its trainer brings data of its own.",
        code="no_corpus",
        where=Where(file=place),
    )


def _known(folder: str | None) -> list[dict[str, Any]]:
    """What is known by name."""
    from isoloss.training import debian
    from isoloss.training.packages import PACKAGES
    from isoloss.training.sources import NAMED

    found: list[dict[str, Any]] = [
        {
            "name": source.name,
            "what": source.what,
            "licence": source.licence,
            "edition": source.edition,
            "text_mb": None,
            "here": bool(source.edition),
        }
        for source in NAMED.values()
    ]
    for package in PACKAGES.values():
        here = debian.fetched(debian.place(package.name, folder))
        found.append(
            {
                "name": f"{debian.PREFIX}{package.name}",
                "what": package.what,
                "licence": package.licence if here is None else here.licence,
                "edition": "" if here is None else f"{here.package} {here.version}",
                "text_mb": package.text_mb,
                "here": here is not None,
            }
        )
    return found


def _list_text(found: Sequence[dict[str, Any]], place: str) -> str:
    rows = [("name", "here", "text", "licence", "what")]
    for one in found:
        size = "" if one["text_mb"] is None else f"{one['text_mb']:g} MB"
        here = "yes" if one["here"] else "no"
        rows.append((one["name"], here, size, one["licence"], one["what"]))
    return "\n".join(
        [
            columns(rows, align="<<><<"),
            "",
            f"Fetched texts lie in {place}.",
            "isoloss corpus fetch NAME says what a download would bring, --yes does it.",
            "Any file or folder of texts is a source as well, under its own name.",
        ]
    )


def _offers_text(offers: Sequence[Offer]) -> str:
    rows = [("package", "version", "download", "text", "licence", "")]
    for one in offers:
        rows.append(
            (
                one.package,
                one.version,
                f"{one.bytes / MB:.1f} MB",
                f"{one.text_mb:g} MB",
                one.licence,
                "here" if one.here else "to download",
            )
        )
    return columns(rows, align="<<>><<")


def _fetch_text(offers: Sequence[Offer], size: int, place: str, *, yes: bool) -> str:
    if yes:
        last = f"{size / MB:.1f} MB were downloaded into {place}." if size else "All is here."
    elif size:
        last = f"{size / MB:.1f} MB would be downloaded into {place}; --yes does it."
    else:
        last = "All is here; there is nothing to download."
    use = ", ".join(f'"debian:{offer.name}"' for offer in offers)
    return f"{_offers_text(offers)}\n{last}\nIn a ladder: sources = {{ text = [{use}] }}"
