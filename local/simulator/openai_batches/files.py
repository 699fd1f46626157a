"""OpenAI's file object, and what is still there of the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from local.simulator.batches.spool import Spool

if TYPE_CHECKING:
    from local.simulator.desk import Desk

Json = dict[str, object]
Purpose = Literal["batch", "batch_output"]

KEPT_SECONDS = 30 * 86_400
"""The lifetime of batch files where none is asked for (openai 3.51, ``FileCreateParams``)."""


@dataclass(frozen=True)
class StoredFile:
    """One file. Times are epoch seconds; a file that was made in the future is not there yet."""

    id: str
    account: str
    filename: str
    purpose: Purpose
    created: float
    expires: float
    text: Spool

    def shown(self) -> Json:
        """Return the ``file`` object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.text.size,
            "created_at": int(self.created),
            "expires_at": int(self.expires),
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }

    def there(self, now: float) -> bool:
        """Tell whether the file can be seen."""
        return self.created <= now < self.expires


def find_file(desk: Desk, account: str, file_id: str, now: float) -> StoredFile | None:
    """Return an account's file, if it is there."""
    drop_expired(desk, now)
    file = desk.files.find(account, file_id)
    return file if file is not None and file.there(now) else None


def drop_expired(desk: Desk, now: float) -> None:
    """Let go of every account's files that have expired."""
    for file in desk.files.all():
        if now >= file.expires:
            desk.files.remove(file)
