"""A form from a browser, taken in within bounds of size, number and time."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from isoloss.ui.settings import Limits

ENDINGS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_UNUSUAL = re.compile(r"[^\w.@+-]+")
_LONGEST = 80


class FormRefused(Exception):
    """A form that is too large, too slow or not a form.

    Args:
        status: the HTTP status.
        message: why, in a sentence.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Upload:
    """A file as it arrived.

    Attributes:
        name: what to call it: letters, digits and a few signs, never a path.
        data: its content.
    """

    name: str
    data: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of name and content."""
        return hashlib.sha256(self.name.encode() + b"\0" + self.data).hexdigest()


@asynccontextmanager
async def form_of(request: Request, limits: Limits) -> AsyncGenerator[FormData]:
    """The fields and files of a form.

    Raises:
        FormRefused: the form breaks a limit, or cannot be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FORMS:
        raise FormRefused(415, "a form is expected.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.upload_bytes:
        raise FormRefused(413, _too_large(limits))
    bounded = Request(request.scope, _Bounded(request, limits).receive)
    try:
        form = await bounded.form(
            max_files=limits.upload_files,
            max_fields=limits.upload_fields,
            max_part_size=limits.field_bytes,
        )
    except HTTPException as error:
        raise FormRefused(400, f"the form cannot be read: {error.detail}") from None
    try:
        yield form
    finally:
        await form.close()


async def uploads_in(form: FormData, field: str) -> list[Upload]:
    """The files of a field that have content."""
    found: list[Upload] = []
    for value in form.getlist(field):
        if isinstance(value, UploadFile):
            data = await value.read()
            if data:
                found.append(Upload(safe_name(value.filename or ""), data))
    return found


def safe_name(name: str) -> str:
    """A file's name as it may be shown and written: no folder, no control letters, an ending.

    Uploads are stored under names of the server's own; this one is only a label.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = _UNUSUAL.sub("_", last).lstrip("._-")
    stem, dot, ending = plain.rpartition(".")
    if f".{ending.lower()}" not in ENDINGS or not stem:
        stem, dot, ending = plain, ".", "csv"
    return f"{stem[:_LONGEST].rstrip('.') or 'runs'}{dot}{ending.lower()}"


class _Bounded:
    """The body of a request, counted and timed as it arrives: a header may lie about both."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request = request
        self.limits = limits
        self.seen = 0
        self.until = time.monotonic() + limits.upload_seconds

    async def receive(self) -> Message:
        left = min(self.until - time.monotonic(), self.limits.idle_seconds)
        try:
            message = await asyncio.wait_for(self.request.receive(), max(0.0, left))
        except TimeoutError:
            raise FormRefused(408, "the upload is too slow and was cut off.") from None
        if message["type"] == "http.disconnect":
            raise FormRefused(400, "the upload was broken off.")
        self.seen += len(message.get("body", b""))
        if self.seen > self.limits.upload_bytes:
            raise FormRefused(413, _too_large(self.limits))
        return message


def _too_large(limits: Limits) -> str:
    return (
        f"the upload is larger than {limits.upload_bytes >> 20} MiB. A table has one row per run; "
        "give larger ones on the command line: isoloss ui RUNS."
    )
