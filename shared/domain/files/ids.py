"""Ids of files, uploads and batches: a prefix, the second they were made in, 96 random bits.

They sort by age, so a listing is a range of keys and any id is a cursor into it.
"""

from __future__ import annotations

import re
from typing import Final

RANDOM_BYTES: Final = 12
FILE_PREFIX: Final = "file-"
UPLOAD_PREFIX: Final = "upload_"
PART_PREFIX: Final = "part_"
BATCH_PREFIX: Final = "batch_"
MESSAGE_BATCH_PREFIX: Final = "msgbatch_"

_BODY: Final = re.compile(r"[0-9a-f]{32}\Z")


def new_id(prefix: str, at: float, random: bytes) -> str:
    """Return an id of something that is made at an epoch second."""
    return f"{prefix}{int(at):08x}{random.hex()}"


def is_id(prefix: str, text: str) -> bool:
    """Tell whether a text can be an id: anything else is asked of no store."""
    return text.startswith(prefix) and _BODY.match(text, len(prefix)) is not None
