"""Files' rows in memory, for tests; the contract suite runs on this and on the real adapter."""

from __future__ import annotations

from shared.domain.errors import StoreUnavailable
from shared.domain.files import Listing, Part, StoredFile, Upload


class MemoryFiles:
    """Implements ``FileStore``; ``down`` holds the names of methods that fail."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], StoredFile] = {}
        self.uploads: dict[tuple[str, str], Upload] = {}
        self.uploaded: dict[tuple[str, str], dict[str, Part]] = {}
        self.down: set[str] = set()

    def put_file(self, file: StoredFile) -> None:
        """Write a file."""
        self._called("put_file")
        self.rows[file.team, file.id] = file

    def file(self, team: str, file_id: str) -> StoredFile | None:
        """Return a file."""
        self._called("file")
        return self.rows.get((team, file_id))

    def files(self, team: str, listing: Listing) -> list[StoredFile]:
        """Return files in order."""
        self._called("files")
        ids = sorted((i for t, i in self.rows if t == team), reverse=listing.newest_first)
        if (after := listing.after) is not None:
            ids = [each for each in ids if (each < after if listing.newest_first else each > after)]
        return [self.rows[team, each] for each in ids[: listing.limit]]

    def delete_file(self, team: str, file_id: str) -> None:
        """Delete a row."""
        self._called("delete_file")
        self.rows.pop((team, file_id), None)

    def put_upload(self, upload: Upload) -> None:
        """Write an upload."""
        self._called("put_upload")
        self.uploads[upload.team, upload.id] = upload

    def upload(self, team: str, upload_id: str) -> Upload | None:
        """Return an upload."""
        self._called("upload")
        return self.uploads.get((team, upload_id))

    def put_part(self, team: str, part: Part) -> None:
        """Write a part."""
        self._called("put_part")
        self.uploaded.setdefault((team, part.upload_id), {})[part.id] = part

    def parts(self, team: str, upload_id: str) -> list[Part]:
        """Return the parts."""
        self._called("parts")
        return [part for _, part in sorted(self.uploaded.get((team, upload_id), {}).items())]

    def end_upload(self, upload: Upload, file: StoredFile | None) -> Upload:
        """End an upload that is pending."""
        self._called("end_upload")
        standing = self.uploads[upload.team, upload.id]
        if standing.status != "pending":
            return standing
        self.uploads[upload.team, upload.id] = upload
        if file is not None:
            self.rows[file.team, file.id] = file
        return upload

    def _called(self, name: str) -> None:
        if name in self.down:
            raise StoreUnavailable("store")
