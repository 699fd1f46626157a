"""Refusals in the wire shape of each AWS protocol, so that boto3 raises what it would on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

import msgspec


@dataclass(frozen=True)
class Refusal:
    """An error answer, ready to be sent."""

    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes


def access_denied(
    protocol: str, principal: str, action: str, resource: str, reason: str
) -> Refusal:
    """Return what AWS answers to a principal that lacks a permission."""
    message = (
        f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
        f"because {reason}"
    )
    xml = protocol in {"query", "ec2", "rest-xml"}
    return _refusal(protocol, "AccessDenied" if xml else "AccessDeniedException", message)


def invalid_token(protocol: str) -> Refusal:
    """Return what AWS answers to an access key that it does not know."""
    code = _UNKNOWN_KEY_CODES.get(protocol, "UnrecognizedClientException")
    return _refusal(protocol, code, "The security token included in the request is invalid.")


_UNKNOWN_KEY_CODES = {
    "query": "InvalidClientTokenId",
    "ec2": "AuthFailure",
    "rest-xml": "InvalidAccessKeyId",
}


def _refusal(protocol: str, code: str, message: str) -> Refusal:
    if protocol in {"query", "ec2", "rest-xml"}:
        return Refusal(403, "text/xml", {}, _xml(protocol, code, message))
    # awsJson services answer 400 even to a missing permission; restJson ones answer 403.
    status = 403 if protocol == "rest-json" else 400
    body = msgspec.json.encode({"__type": code, "message": message})
    return Refusal(status, "application/x-amz-json-1.0", {"x-amzn-ErrorType": code}, body)


def _xml(protocol: str, code: str, message: str) -> bytes:
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if protocol == "rest-xml":
        return f"<Error>{inner}</Error>".encode()
    if protocol == "ec2":
        return f"<Response><Errors><Error>{inner}</Error></Errors></Response>".encode()
    error = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>"
    return error.encode()
