"""Where OpenAI's files are served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.routing import Route

from local.simulator.batches.register import page_after
from local.simulator.batches.spool import CHUNK, Spool
from local.simulator.books import fingerprint
from local.simulator.desk import desk_of
from local.simulator.errands import ErrandReply
from local.simulator.openai_batches.answers import (
    answer,
    arrived,
    not_found,
    read_query,
    shown_page,
)
from local.simulator.openai_batches.files import (
    KEPT_SECONDS,
    StoredFile,
    drop_expired,
    find_file,
)
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.routes import key_of

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

PREFIXES = ("/v1", "/openai/v1")
LARGEST_BYTES = 512 * 1_000_000
"""Of any file (openai 3.51, ``Files.create``)."""
MOST_FIELDS = 8
MOST_FILES = 10_000


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a list of files."""

    after: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_FILES)] = MOST_FILES
    order: Literal["asc", "desc"] = "desc"
    purpose: str | None = None


class Lifetime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a file is kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, msgspec.Meta(ge=3_600, le=KEPT_SECONDS)]


@dataclass(frozen=True)
class _Upload:
    file: UploadFile
    seconds: int


def routes() -> list[Route]:
    """Return the routes of every prefix at which OpenAI answers."""
    made = []
    for prefix in PREFIXES:
        one = f"{prefix}/files/{{file_id}}"
        made += [
            Route(f"{prefix}/files", create, methods=["POST"]),
            Route(f"{prefix}/files", listed, methods=["GET"]),
            Route(one, retrieve, methods=["GET"]),
            Route(one, delete, methods=["DELETE"]),
            Route(f"{one}/content", content, methods=["GET"]),
        ]
    return made


async def create(request: Request) -> ErrandReply:
    """Store an upload; raises :class:`errors.ApiError`."""
    desk, account = desk_of(request), fingerprint(key_of(request))
    at = desk.clock.now()
    upload = _read_form(await _form(request))
    text = Spool()
    while chunk := await upload.file.read(CHUNK):
        text.append(chunk)
    await upload.file.close()
    named = upload.file.filename or "file"
    desk.note(request, at, msgspec.json.encode({"filename": named, "bytes": text.size}))
    file_id = f"file-{uuid4().hex[:24]}"
    file = StoredFile(file_id, account, named, "batch", at, at + upload.seconds, text)

    def work() -> dict[str, object]:
        desk.files.add(file)
        return file.shown()

    return answer(desk, "files.create", work)


async def listed(request: Request) -> ErrandReply:
    """Answer a page of files; raises :class:`errors.ApiError`."""
    desk, account, at = await arrived(request)
    query = read_query(request, Listing)
    drop_expired(desk, at)
    found = [file for file in desk.files.newest_first(account) if file.there(at)]
    if query.purpose is not None:
        found = [file for file in found if file.purpose == query.purpose]
    if query.order == "asc":
        found.reverse()
    page = page_after(found, query.after, query.limit)
    shown = shown_page(page, "file", StoredFile.shown)
    return answer(desk, "files.list", lambda: shown)


async def retrieve(request: Request) -> ErrandReply:
    """Answer one file's object; raises :class:`errors.ApiError`."""
    file = await _file(request)
    return answer(desk_of(request), "files.retrieve", file.shown)


async def content(request: Request) -> ErrandReply:
    """Answer one file's bytes; raises :class:`errors.ApiError`."""
    file = await _file(request)
    return answer(desk_of(request), "files.content", lambda: file.text)


async def delete(request: Request) -> ErrandReply:
    """Delete one file; raises :class:`errors.ApiError`."""
    desk, file = desk_of(request), await _file(request)

    def work() -> dict[str, object]:
        desk.files.remove(file)
        return {"id": file.id, "object": "file", "deleted": True}

    return answer(desk, "files.delete", work)


async def _file(request: Request) -> StoredFile:
    desk, account, at = await arrived(request)
    file_id = request.path_params["file_id"]
    file = find_file(desk, account, file_id, at)
    if file is None:
        raise not_found("File", file_id, "id")
    return file


async def _form(request: Request) -> FormData:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > LARGEST_BYTES:
        raise errors.ApiError(413, f"Files may have at most {LARGEST_BYTES} bytes.")
    try:
        return await request.form(max_files=1, max_fields=MOST_FIELDS)
    except HTTPException as error:
        raise errors.ApiError(400, f"The form cannot be read: {error.detail}") from error


def _read_form(form: FormData) -> _Upload:
    known = {"file", "purpose", "expires_after[anchor]", "expires_after[seconds]"}
    for name in form:
        if name not in known:
            raise errors.unknown(name)
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise errors.missing("file")
    if "purpose" not in form:
        raise errors.missing("purpose")
    if form["purpose"] != "batch":
        raise errors.unsupported("purpose", "the simulator keeps files for batches only")
    return _Upload(file, _seconds(form))


def _seconds(form: FormData) -> int:
    inner = {
        name: form[f"expires_after[{name}]"]
        for name in ("anchor", "seconds")
        if f"expires_after[{name}]" in form
    }
    if not inner:
        return KEPT_SECONDS
    try:
        return msgspec.convert(inner, Lifetime, strict=False).seconds
    except msgspec.ValidationError as error:
        raise errors.invalid("expires_after", str(error)) from error
