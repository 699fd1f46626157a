"""A team's files and uploads: rows in a table, bytes in blobs.

Bytes are written before the row that leads to them, and deleted after it: a row never leads to
nothing. Bytes that no row leads to are deleted by the bucket's own rule, which outlives any file.
The work of this module is synchronous and runs in a thread of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.domain.errors import InvalidRequest, ObjectNotFound
from shared.domain.files import (
    FILE_PREFIX,
    PART_PREFIX,
    UPLOAD_PREFIX,
    Blob,
    Listing,
    Page,
    Part,
    StoredFile,
    Upload,
    blob_key,
    is_id,
    new_id,
)
from shared.domain.files.ids import RANDOM_BYTES
from shared.domain.files.requests import CompleteRequest, FileRequest, UploadRequest
from shared.ports.batches import FileStore
from shared.ports.jobs import Blobs

UPLOAD_SECONDS: Final = 3600
"""How long an upload's parts are waited for. Source: OpenAI, uploads, create."""
_MORE_ROWS: Final = 100
"""How many rows are read at once where some of them may not be shown."""


class Files:
    """Files of all teams, each through its own team alone. Raises ``shared.domain.errors``."""

    def __init__(
        self, store: FileStore, blobs: Blobs, clock: Clock, random: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._random = random

    def create(self, team: str, filename: str, asked: FileRequest, content: bytes) -> StoredFile:
        """Keep a file that came in one piece."""
        if not content:
            raise InvalidRequest("The file is empty.", param="file")
        file = self._new_file(team, filename, asked.seconds)
        file = replace(file, blobs=(self._write(team, file.id, content),))
        self._store.put_file(file)
        return file

    def get(self, team: str, file_id: str) -> StoredFile:
        """Return a file; raises ``ObjectNotFound``."""
        found = self._store.file(team, file_id) if is_id(FILE_PREFIX, file_id) else None
        if found is None or found.is_gone(self._clock()):
            raise ObjectNotFound("file", file_id, "file_id")
        return found

    def listed(self, team: str, listing: Listing) -> Page[StoredFile]:
        """Return a page of a team's files; raises ``InvalidRequest`` for a cursor that is none."""
        if listing.after is not None and not is_id(FILE_PREFIX, listing.after):
            raise InvalidRequest("It must be the id of a file.", param="after")
        shown: list[StoredFile] = []
        for file in self._from(team, listing):
            if len(shown) == listing.limit:
                return Page(tuple(shown), has_more=True)
            shown.append(file)
        return Page(tuple(shown), has_more=False)

    def content(self, file: StoredFile) -> Iterator[bytes]:
        """Yield the bytes of a file; raises ``ObjectNotFound`` where they are gone."""
        for blob in file.blobs:
            try:
                yield from self._blobs.read(blob.key)
            except KeyError:
                raise ObjectNotFound("file", file.id, "file_id") from None

    def delete(self, team: str, file_id: str) -> StoredFile:
        """Delete a file; raises ``ObjectNotFound``."""
        file = self.get(team, file_id)
        self._store.delete_file(team, file_id)
        self._forget(file.blobs)
        return file

    def start_upload(self, team: str, asked: UploadRequest) -> Upload:
        """Begin a file that comes in parts."""
        now = int(self._clock())
        upload = Upload(
            team=team,
            id=self._id(UPLOAD_PREFIX),
            filename=asked.filename,
            purpose=asked.purpose,
            mime_type=asked.mime_type,
            bytes=asked.bytes,
            created_at=now,
            expires_at=now + UPLOAD_SECONDS,
            file_seconds=asked.seconds,
        )
        self._store.put_upload(upload)
        return upload

    def add_part(self, team: str, upload_id: str, content: bytes) -> Part:
        """Keep a part of an upload that is pending."""
        self._pending(team, upload_id)
        if not content:
            raise InvalidRequest("The part is empty.", param="data")
        part_id = self._id(PART_PREFIX)
        blob = self._write(team, f"{upload_id}/{part_id}", content)
        part = Part(part_id, upload_id, int(self._clock()), blob)
        self._store.put_part(team, part)
        return part

    def complete(
        self, team: str, upload_id: str, asked: CompleteRequest
    ) -> tuple[Upload, StoredFile]:
        """Make a file of an upload's parts; a repetition returns the file that it became."""
        upload = self._upload(team, upload_id)
        if upload.status == "completed":
            return upload, self._file_of(upload)
        self._refuse_ended(upload)
        parts = self._parts(upload, asked.part_ids)
        file = self._new_file(team, upload.filename, upload.file_seconds)
        file = replace(file, blobs=tuple(part.blob for part in parts))
        self._check(upload, file, asked.md5)
        ended = replace(upload, status="completed", file_id=file.id)
        standing = self._store.end_upload(ended, file)
        if standing.file_id == file.id:
            return standing, file
        self._refuse_ended(standing)
        return standing, self._file_of(standing)

    def cancel(self, team: str, upload_id: str) -> Upload:
        """End an upload and delete its parts; may be asked again."""
        upload = self._upload(team, upload_id)
        if upload.status != "cancelled":
            self._refuse_ended(upload)
            upload = self._store.end_upload(replace(upload, status="cancelled"), None)
            if upload.status == "completed":
                self._refuse_ended(upload)
        self._forget(tuple(part.blob for part in self._store.parts(team, upload_id)))
        return upload

    def _from(self, team: str, listing: Listing) -> Iterator[StoredFile]:
        """Yield the files that are shown, from a cursor on."""
        now, size = self._clock(), min(listing.limit + 1, _MORE_ROWS)
        rows = replace(listing, limit=size)
        while True:
            found = self._store.files(team, rows)
            for file in found:
                if not file.is_gone(now) and listing.purpose in {None, file.purpose}:
                    yield file
            if len(found) < size:
                return
            rows = replace(rows, after=found[-1].id)

    def _upload(self, team: str, upload_id: str) -> Upload:
        found = self._store.upload(team, upload_id) if is_id(UPLOAD_PREFIX, upload_id) else None
        if found is None:
            raise ObjectNotFound("upload", upload_id, "upload_id")
        return found

    def _pending(self, team: str, upload_id: str) -> Upload:
        upload = self._upload(team, upload_id)
        self._refuse_ended(upload)
        return upload

    def _refuse_ended(self, upload: Upload) -> None:
        status = "expired" if upload.is_over(self._clock()) else upload.status
        if status != "pending":
            raise InvalidRequest(f"The upload is {status}.", param="upload_id")

    def _parts(self, upload: Upload, part_ids: list[str]) -> list[Part]:
        if len(set(part_ids)) != len(part_ids):
            raise InvalidRequest("A part is named twice.", param="part_ids")
        known = {part.id: part for part in self._store.parts(upload.team, upload.id)}
        if missing := [each for each in part_ids if each not in known]:
            about = f"The upload has no part {missing[0][:100]!r}."
            raise InvalidRequest(about, param="part_ids")
        return [known[each] for each in part_ids]

    def _check(self, upload: Upload, file: StoredFile, md5: str | None) -> None:
        if file.bytes != upload.bytes:
            about = f"The parts have {file.bytes} bytes; the upload was to have {upload.bytes}."
            raise InvalidRequest(about, param="part_ids")
        if md5 is None:
            return
        digest = hashlib.md5(usedforsecurity=False)
        for chunk in self.content(file):
            digest.update(chunk)
        if digest.hexdigest() != md5.lower():
            raise InvalidRequest("The parts have another checksum.", param="md5")

    def _file_of(self, upload: Upload) -> StoredFile:
        return self.get(upload.team, upload.file_id or "")

    def _new_file(self, team: str, filename: str, seconds: int) -> StoredFile:
        now = int(self._clock())
        return StoredFile(team, self._id(FILE_PREFIX), filename, "batch", now, now + seconds)

    def _write(self, team: str, name: str, content: bytes) -> Blob:
        blob = Blob(blob_key(team, name), len(content))
        self._blobs.write(blob.key, [content])
        return blob

    def _forget(self, blobs: tuple[Blob, ...]) -> None:
        for blob in blobs:
            self._blobs.delete(blob.key)

    def _id(self, prefix: str) -> str:
        return new_id(prefix, self._clock(), self._random(RANDOM_BYTES))
