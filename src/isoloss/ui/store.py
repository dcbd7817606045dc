"""What does the server remember? Tables and results under names made from their content.

Uploads lie in a private folder, under the server's own names, and go with the server.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isoloss.errors import InputError, Where
from isoloss.ui.settings import Limits
from isoloss.ui.state import Reading
from isoloss.ui.uploads import Upload

Document = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Where the runs of a table come from.

    Attributes:
        id: made from its content, or from its paths where they stood on the command line.
        label: what to call it.
        names: the files, as a command would name them.
        source: what a worker reads: ``paths``, or ``files`` in the private folder.
        size: bytes in the private folder.
        reading: how it is read where an address does not say otherwise.
    """

    id: str
    label: str
    names: tuple[str, ...]
    source: Document
    size: int = 0
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True)
class Result:
    """Something worked out.

    Attributes:
        document: as the command line prints it.
        path: where a worker finds it whole; None for what is only shown.
    """

    document: Document
    path: str | None = None


class Store:
    """Tables and results, each within bounds; the oldest go first.

    Args:
        limits: the bounds.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.folder = Path(tempfile.mkdtemp(prefix="isoloss-ui-"))
        self.own: Table | None = None
        self._uploads: OrderedDict[str, Table] = OrderedDict()
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._quick: OrderedDict[str, Document] = OrderedDict()

    def open_paths(self, paths: Sequence[str], reading: Reading) -> Table:
        """Keep the table that was named on the command line."""
        whole = [os.path.abspath(path) for path in paths]
        label = os.path.basename(os.path.normpath(next(iter(paths))))
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        name = key_of("paths", whole)
        self.own = Table(name, label + more, tuple(paths), {"paths": list(paths)}, reading=reading)
        return self.own

    def add(self, uploads: Sequence[Upload], reading: Reading | None = None) -> Table:
        """Keep uploaded files as one table.

        Raises:
            InputError: there is no file.
        """
        if not uploads:
            raise InputError(
                "no file with content was given.",
                code="missing_file",
                where=Where(field="file"),
                hint="Choose a table of runs: CSV, TSV, Parquet or JSON lines.",
            )
        name = key_of("files", [one.digest for one in uploads])
        if name not in self._uploads:
            files: list[Document] = []
            for number, upload in enumerate(uploads):
                path = self.folder / f"{name}-{number}.table"
                _write_private(path, upload.data)
                files.append({"path": str(path), "label": upload.name})
            names = tuple(one.name for one in uploads)
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            size = sum(len(one.data) for one in uploads)
            self._uploads[name] = Table(
                name, uploads[0].name + more, names, {"files": files}, size, reading or Reading()
            )
        self._uploads.move_to_end(name)
        self._drop_tables()
        return self._uploads[name]

    def table(self, name: str) -> Table:
        """The table of a name.

        Raises:
            InputError: the server does not have it.
        """
        if self.own is not None and name == self.own.id:
            return self.own
        if name in self._uploads:
            self._uploads.move_to_end(name)
            return self._uploads[name]
        raise InputError(
            "this server does not have the table of runs that the address names.",
            code="unknown_table",
            where=Where(field="data"),
            hint="It was uploaded to a server that has ended since, or made room for others. Give "
            "the file again: its address will be the same, and so will all others on these runs.",
        )

    def tables(self) -> list[Table]:
        """All tables, the one of the command line first."""
        own = [] if self.own is None else [self.own]
        return [*own, *reversed(self._uploads.values())]

    def result(self, name: str) -> Result | None:
        """The result of a name, if it is here."""
        found = self._results.get(name)
        if found is not None:
            self._results.move_to_end(name)
        return found

    def keep(self, name: str, result: Result) -> None:
        """Remember a result."""
        self._results[name] = result
        while len(self._results) > self.limits.results:
            _, old = self._results.popitem(last=False)
            if old.path is not None:
                Path(old.path).unlink(missing_ok=True)

    def quick(self, name: str) -> Document | None:
        """A quick answer that was given before."""
        found = self._quick.get(name)
        if found is not None:
            self._quick.move_to_end(name)
        return found

    def keep_quick(self, name: str, document: Document) -> None:
        """Remember a quick answer."""
        self._quick[name] = document
        while len(self._quick) > self.limits.quick_results:
            self._quick.popitem(last=False)

    def path_for(self, name: str) -> str:
        """Where a worker shall write a result."""
        return str(self.folder / f"{name}.json")

    def close(self) -> None:
        """Remove the private folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _drop_tables(self) -> None:
        while len(self._uploads) > 1 and (
            len(self._uploads) > self.limits.tables
            or sum(one.size for one in self._uploads.values()) > self.limits.table_bytes
        ):
            _, old = self._uploads.popitem(last=False)
            for one in old.source["files"]:
                Path(one["path"]).unlink(missing_ok=True)


def key_of(kind: str, *parts: Any) -> str:
    """A name made from content: the same parts give the same name, on any day and machine."""
    text = json.dumps([kind, *parts], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _write_private(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
