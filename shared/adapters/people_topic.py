"""The topic that people listen to by e-mail."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from shared.domain.notices.message import Message, NotTaken

_MOST_SUBJECT: Final = 99
"""SNS takes subjects of less than a hundred characters of ASCII."""
_FAILED: Final = 500


class PeopleTopic:
    """Implements :class:`shared.ports.notices.Channel` on SNS."""

    name = "people"

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, message: Message, *, is_repeat: bool) -> None:
        """Publish it: the text for people, with the message's id as its last line."""
        again = "(Again: the first try may have reached you.)\n\n" if is_repeat else ""
        try:
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=message.subject.encode("ascii", "replace").decode()[:_MOST_SUBJECT],
                Message=f"{again}{message.text}\n\nMessage {message.message_id}",
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            # A server that failed may have taken it before; one that refused has not.
            raise NotTaken(code, may_have_arrived=status >= _FAILED) from error
        except BotoCoreError as error:
            never = isinstance(error, (ConnectTimeoutError, EndpointConnectionError))
            raise NotTaken(type(error).__name__, may_have_arrived=not never) from error
