"""What a caller says of a batch: closed schemas, each refusal naming its field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec

from shared.domain.batches.lines import InlineRequest, LineReader
from shared.domain.chat import Shape
from shared.domain.doors import MESSAGES
from shared.domain.files.requests import FILE_SECONDS, ExpiresAfter

Metadata = Annotated[
    dict[
        Annotated[str, msgspec.Meta(max_length=64)],
        Annotated[str, msgspec.Meta(max_length=512)],
    ],
    msgspec.Meta(max_length=16),
]
"""Source: ``openai`` 3.51 ``shared_params.metadata``"""


class BatchRequest(Shape, kw_only=True):
    """A batch of the lines of a file."""

    input_file_id: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    endpoint: Literal["/v1/chat/completions", "/v1/messages"]
    completion_window: Literal["24h"]
    metadata: Metadata | None = None
    output_expires_after: ExpiresAfter | None = None

    @property
    def output_seconds(self) -> int:
        """How long its results are kept."""
        asked = self.output_expires_after
        return asked.seconds if asked else FILE_SECONDS


class MessageBatchRequest(Shape, kw_only=True):
    """A batch of requests that come with it."""

    requests: Annotated[list[InlineRequest], msgspec.Meta(min_length=1, max_length=50_000)]


def as_file(requests: Iterable[InlineRequest]) -> Iterator[bytes]:
    """Yield requests as the lines of a batch's file; raises ``InvalidRequest`` for a bad id."""
    for line in LineReader(MESSAGES).inline(requests):
        envelope: dict[str, Any] = {
            "custom_id": line.custom_id,
            "method": "POST",
            "url": MESSAGES.url,
            "body": line.body,
        }
        yield msgspec.json.encode(envelope) + b"\n"
