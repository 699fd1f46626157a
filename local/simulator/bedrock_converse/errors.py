"""Bedrock's errors: ``{"message": …}`` and the exception's name in ``x-amzn-errortype``.

Names and statuses: the ``Converse`` operation of botocore 1.44's service model.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import uuid4

import msgspec
from starlette.responses import Response

from local.simulator.bedrock_converse.event_stream import frame
from local.simulator.books import Protocol
from local.simulator.refusal import Refusal

NAMES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
STREAMED = {
    400: "validationException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}
"""The members of ``ConverseStream``'s output that are exceptions; the fifth is for the rest."""


class ConverseError(Refusal):
    """A refusal in Bedrock's shape."""

    protocol: ClassVar[Protocol] = "bedrock-converse"

    def response(self) -> Response:
        """Return the error as Bedrock would send it; ``retry-after`` is in seconds."""
        default = "InternalServerException" if self.status >= 500 else "ValidationException"
        headers = {
            "x-amzn-requestid": str(uuid4()),
            "x-amzn-errortype": NAMES.get(self.status, default),
        }
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return Response(self._body(), self.status, headers, media_type="application/json")

    def event(self) -> bytes:
        """Return the error as it would stand in the middle of a stream."""
        name = STREAMED.get(self.status, "internalServerException")
        headers = {":message-type": "exception", ":exception-type": name}
        return frame({**headers, ":content-type": "application/json"}, self._body())

    def _body(self) -> bytes:
        return msgspec.json.encode({"message": str(self)})


def invalid(where: str, why: str) -> ConverseError:
    """Refuse a field; ``where`` is its path with dots."""
    return ConverseError(400, f"The value at {where} is not valid: {why}")


def from_validation(error: msgspec.ValidationError) -> ConverseError:
    """Refuse a body that does not meet the schema."""
    return ConverseError(400, f"Malformed input request: {error}")
