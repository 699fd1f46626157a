"""What a caller says of a file that is sent: closed schemas, each refusal naming its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from shared.domain.chat import Shape, field_named
from shared.domain.errors import InvalidRequest
from shared.domain.files import MOST_BYTES

FILE_SECONDS: Final = 30 * 24 * 3600
"""How long a file lasts that says nothing else; also the longest. Source: OpenAI, files, create."""
_SHORTEST_SECONDS: Final = 3600
_EXPIRY: Final = ("expires_after[anchor]", "expires_after[seconds]")

Checked = TypeVar("Checked")
Filename = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class ExpiresAfter(Shape):
    """When a file is to go."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, msgspec.Meta(ge=_SHORTEST_SECONDS, le=FILE_SECONDS)]


class FileRequest(Shape, kw_only=True):
    """The fields beside a file. Only batches' input is kept here."""

    purpose: Literal["batch"]
    expires_after: ExpiresAfter | None = None

    @property
    def seconds(self) -> int:
        """How long the file is to last."""
        return self.expires_after.seconds if self.expires_after else FILE_SECONDS


class UploadRequest(FileRequest, kw_only=True):
    """A file that will come in parts."""

    bytes: Annotated[int, msgspec.Meta(ge=1, le=MOST_BYTES)]
    filename: Filename
    mime_type: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class CompleteRequest(Shape):
    """The parts of a file in their order."""

    part_ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=1_000)]
    md5: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{32}\Z")] | None = None


def file_request(fields: Mapping[str, str]) -> FileRequest:
    """Read the fields of a form; raises :class:`InvalidRequest`."""
    plain: dict[str, Any] = {name: value for name, value in fields.items() if name not in _EXPIRY}
    said = {name[14:-1]: fields[name] for name in _EXPIRY if name in fields}
    if said:
        plain["expires_after"] = said
    return checked(plain, FileRequest, strict=False)


def checked(value: Mapping[str, Any], shape: type[Checked], *, strict: bool = True) -> Checked:
    """Check an object against a closed schema; raises :class:`InvalidRequest` naming the field."""
    try:
        return msgspec.convert(value, shape, strict=strict)
    except msgspec.ValidationError as error:
        text, _, path = str(error).replace("`key` in `$", "`$").partition(" - at `$")
        raise InvalidRequest(text, param=field_named(text, path.rstrip("`"))) from None
