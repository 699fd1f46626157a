"""Files, uploads and their parts as DynamoDB items, and back."""

from __future__ import annotations

from typing import Any, Final, cast

from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.domain.files import Blob, Part, Purpose, StoredFile, Upload, UploadStatus
from shared.resources import file_partition, upload_partition

_UPLOAD_KEPT_SECONDS: Final = 2 * 24 * 3600
"""How long an upload can be asked about after its parts are no longer taken."""
_UPLOAD_SORT: Final = "upload"


def file_key(team: str, file_id: str) -> Item:
    """Return the primary key of a file."""
    return key_of(file_partition(team), file_id)


def file_item(file: StoredFile) -> Item:
    """Return a file as an item; DynamoDB may delete it from its expiry on."""
    blobs = [{"L": [text(blob.key), number(blob.bytes)]} for blob in file.blobs]
    return {
        **file_key(file.team, file.id),
        "filename": text(file.filename),
        "purpose": text(file.purpose),
        "created_at": number(file.created_at),
        "expires_at": number(file.expires_at),
        "purge_at": number(file.expires_at),
        "blobs": {"L": blobs},
    }


def file_of(item: Item) -> StoredFile:
    """Return the file of an item."""
    return StoredFile(
        team=_team(item),
        id=item["sk"]["S"],
        filename=item["filename"]["S"],
        purpose=cast("Purpose", item["purpose"]["S"]),
        created_at=int(item["created_at"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
        blobs=tuple(_blob(each["L"]) for each in item["blobs"]["L"]),
    )


def upload_key(team: str, upload_id: str) -> Item:
    """Return the primary key of an upload."""
    return key_of(upload_partition(team, upload_id), _UPLOAD_SORT)


def upload_item(upload: Upload) -> Item:
    """Return an upload as an item."""
    item = {
        **upload_key(upload.team, upload.id),
        "id": text(upload.id),
        "filename": text(upload.filename),
        "purpose": text(upload.purpose),
        "mime_type": text(upload.mime_type),
        "bytes": number(upload.bytes),
        "created_at": number(upload.created_at),
        "expires_at": number(upload.expires_at),
        "file_seconds": number(upload.file_seconds),
        "status": text(upload.status),
        "purge_at": number(upload.expires_at + _UPLOAD_KEPT_SECONDS),
    }
    return item if upload.file_id is None else {**item, "file_id": text(upload.file_id)}


def upload_of(item: Item) -> Upload:
    """Return the upload of an item."""
    return Upload(
        team=_team(item),
        id=item["id"]["S"],
        filename=item["filename"]["S"],
        purpose=cast("Purpose", item["purpose"]["S"]),
        mime_type=item["mime_type"]["S"],
        bytes=int(item["bytes"]["N"]),
        created_at=int(item["created_at"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
        file_seconds=int(item["file_seconds"]["N"]),
        status=cast("UploadStatus", item["status"]["S"]),
        file_id=item["file_id"]["S"] if "file_id" in item else None,
    )


def part_item(team: str, part: Part) -> Item:
    """Return a part as an item."""
    return {
        **key_of(upload_partition(team, part.upload_id), part.id),
        "upload_id": text(part.upload_id),
        "created_at": number(part.created_at),
        "blob": {"L": [text(part.blob.key), number(part.blob.bytes)]},
        "purge_at": number(part.created_at + _UPLOAD_KEPT_SECONDS),
    }


def part_of(item: Item) -> Part:
    """Return the part of an item."""
    return Part(
        id=item["sk"]["S"],
        upload_id=item["upload_id"]["S"],
        created_at=int(item["created_at"]["N"]),
        blob=_blob(item["blob"]["L"]),
    )


def _blob(pair: list[Any]) -> Blob:
    return Blob(pair[0]["S"], int(pair[1]["N"]))


def _team(item: Item) -> str:
    return str(item["pk"]["S"]).partition("/")[0]
