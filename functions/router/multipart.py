"""Forms with a file in them, as the OpenAI SDK sends files: ``multipart/form-data``.

A body is bounded before it is read, so it is cut where its boundaries are and nothing is spooled.
The standard library reads the headers of the pieces. Source: RFC 7578.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Final

from starlette.requests import Request

from shared.domain.errors import InvalidRequest

_MOST_PIECES: Final = 16
_LONGEST_FIELD_BYTES: Final = 1_024
_HEADERS: Final = BytesHeaderParser()


@dataclass(frozen=True)
class SentFile:
    """A file of a form."""

    filename: str
    content: bytes


@dataclass
class Form:
    """The fields of a form by name, the files apart."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, SentFile] = field(default_factory=dict)

    def only_file(self, name: str) -> SentFile:
        """Return the one file that a form may hold; raises ``InvalidRequest``."""
        for other in self.files.keys() - {name}:
            raise InvalidRequest("This route takes no such file.", param=other)
        if name not in self.files:
            raise InvalidRequest(f"Send the file as the form's field {name!r}.", param=name)
        return self.files[name]


def boundary_of(request: Request) -> bytes:
    """Return the boundary of a form; raises ``InvalidRequest`` for a body that is none."""
    head = Message()
    head["content-type"] = request.headers.get("content-type", "")
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise InvalidRequest("Send a form: multipart/form-data.", param="content-type")
    if not boundary.isascii() or len(boundary) > 70:
        raise InvalidRequest("The boundary makes no sense.", param="content-type")
    return boundary.encode()


def read_form(body: bytes, boundary: bytes) -> Form:
    """Read a whole form; raises ``InvalidRequest``."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, _MOST_PIECES + 2)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise InvalidRequest("The form does not end, or has too many fields.")
    form = Form()
    for piece in pieces[1:-1]:
        _take(form, piece)
    return form


def _take(form: Form, piece: bytes) -> None:
    lead, _, rest = piece.partition(b"\r\n")
    if lead.strip(b" \t"):
        raise InvalidRequest("The form has a boundary inside a field.")
    head, found, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    name, filename = _named(head.lstrip(b"\r\n")) if found else (None, None)
    if name is None:
        raise InvalidRequest("The form has a field without a name.")
    if name in form.fields or name in form.files:
        raise InvalidRequest("This field is given twice.", param=name)
    if filename is None:
        form.fields[name] = _text(name, content)
    else:
        form.files[name] = SentFile(filename, content)


def _named(head: bytes) -> tuple[str | None, str | None]:
    """Return the name of a piece and, for a file, its filename."""
    try:
        headers = _HEADERS.parsebytes(head)
        name = headers.get_param("name", header="content-disposition")
        filename = headers.get_filename()
    except (ValueError, LookupError):
        raise InvalidRequest("The form has a field without a name.") from None
    return (_decoded(name) if isinstance(name, str) else None), (
        None if filename is None else _decoded(filename)
    )


def _text(name: str, content: bytes) -> str:
    if len(content) > _LONGEST_FIELD_BYTES:
        raise InvalidRequest("This field is too long.", param=name[:100])
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("This field is not UTF-8.", param=name[:100]) from None


def _decoded(text: str) -> str:
    """Return a header's text, whose bytes beyond ASCII the parser keeps as surrogates."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
