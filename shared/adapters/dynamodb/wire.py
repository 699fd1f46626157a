"""DynamoDB's calls as the router uses them, in AWS's JSON protocol.

They take and return what botocore's client takes and returns, so either one serves
:class:`~shared.adapters.dynamodb.store.DynamoStore`. Source:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import base64
import uuid
from typing import Any, Final

from shared.adapters.aws_json import Json, JsonClient, Service, Timeouts, access

_DYNAMODB: Final = Service("dynamodb", target="DynamoDB_20120810", version="1.0")


class DynamoClient(JsonClient):
    """The calls of the router."""

    def batch_get_item(self, **request: Any) -> Json:
        """Read items of several tables."""
        return self.call("BatchGetItem", request)

    def get_item(self, **request: Any) -> Json:
        """Read one item."""
        return self.call("GetItem", request)

    def delete_item(self, **request: Any) -> Json:
        """Delete one item."""
        return self.call("DeleteItem", request)

    def query(self, **request: Any) -> Json:
        """Read a page of one partition."""
        return self.call("Query", request)

    def put_item(self, **request: Any) -> Json:
        """Write one item."""
        return self.call("PutItem", request)

    def update_item(self, **request: Any) -> Json:
        """Change one item."""
        return self.call("UpdateItem", request)

    def transact_write_items(self, **request: Any) -> Json:
        """Write several items or none; a request without a token gets one, as in botocore."""
        return self.call("TransactWriteItems", {"ClientRequestToken": str(uuid.uuid4()), **request})

    def decode(self, body: bytes) -> Json:
        """Return an answer with its binary attributes as bytes."""
        answer: Json = _with_bytes(super().decode(body))
        return answer


def connect(timeouts: Timeouts) -> DynamoClient:
    """Return a client for the function's own region and role."""
    return DynamoClient(_DYNAMODB, access(_DYNAMODB), timeouts)


def _with_bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_bytes(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(binary := value.get("B"), str):
        return {"B": base64.b64decode(binary)}
    return {name: _with_bytes(each) for name, each in value.items()}
