"""Files and uploads as OpenAI shows them.

Source: ``openai`` 3.51 ``FileObject``, ``Upload``, ``UploadPart``, ``FileDeleted``.
"""

from __future__ import annotations

from typing import Any

from shared.domain.files import Page, Part, StoredFile, Upload

Json = dict[str, Any]


def file_shown(file: StoredFile) -> Json:
    """Return a file's object."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def deleted_shown(file_id: str) -> Json:
    """Return what is said of a file that is no more."""
    return {"id": file_id, "object": "file", "deleted": True}


def upload_shown(upload: Upload, file: StoredFile | None, now: float) -> Json:
    """Return an upload's object, with the file that it became."""
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.bytes,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": "expired" if upload.is_over(now) else upload.status,
        "file": file_shown(file) if file else None,
    }


def part_shown(part: Part) -> Json:
    """Return a part's object."""
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": part.created_at,
        "upload_id": part.upload_id,
    }


def list_shown(page: Page[Any], rows: list[Json]) -> Json:
    """Return a page of a listing, its rows as they are shown."""
    return {
        "object": "list",
        "data": rows,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
        "has_more": page.has_more,
    }
