"""Calls Bedrock through botocore: to the use cases it is a provider that speaks Anthropic Messages.

There is no key: the function's role signs. A body in Anthropic's format goes in, and JSON or an
event stream in Anthropic's format comes out, so that usage, errors and endings are read as
those of Anthropic are. Retries are off: each attempt has an entry of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from botocore.config import Config
from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
    ReadTimeoutError,
)
from urllib3.exceptions import HTTPError

from shared.adapters import aws
from shared.adapters.providers.converse_answer import to_message
from shared.adapters.providers.converse_errors import (
    TIMED_OUT,
    code_of,
    error_body,
    error_event,
    headers_of,
    status_of,
)
from shared.adapters.providers.converse_request import to_converse, writes_last_long
from shared.adapters.providers.converse_stream import ConverseToMessageStream
from shared.adapters.providers.handover import Handover, from_thread
from shared.catalog import Provider
from shared.domain.budgets import OpenHold
from shared.domain.completion import MalformedAnswer
from shared.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from shared.domain.sse import named_frame
from shared.settings import is_loopback_url

Json = dict[str, Any]
Connect = Callable[[Provider], Any]
"""Makes the ``bedrock-runtime`` client."""

_CONFIG: Final = Config(
    connect_timeout=5,
    # The caller's deadline ends the wait; this only ends a thread that was left behind.
    read_timeout=900,
    retries={"total_max_attempts": 1},
    # Deaf to the environment, as the HTTP client is.
    proxies={},
)
_NEVER_SENT: Final = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
)
_UNREADABLE: Final = (AttributeError, LookupError, ParserError, TypeError, ValueError)
"""What botocore's parsers raise when a response has another shape than the service model."""


@dataclass(frozen=True)
class Head:
    """The status of a reply, and its headers, names in small letters."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class ConverseReply:
    """Implements ``shared.ports.calls.UpstreamReply``."""

    def __init__(self, head: Head, rest: AsyncIterator[Head | bytes]) -> None:
        self.status = head.status
        self.headers = head.headers
        self._rest = rest

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in Anthropic's format as it comes."""
        async for item in self._rest:
            if isinstance(item, bytes):
                yield item


class BedrockUpstream:
    """Implements :class:`shared.ports.calls.Upstream`; its client is made when first needed."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connecting = threading.Lock()
        self._client: Any = None

    @asynccontextmanager
    async def post(
        self, hold: OpenHold, provider: Provider, path: str, body: bytes, *, timeout_seconds: float
    ) -> AsyncIterator[ConverseReply]:
        """Send a Messages body and hand over the reply.

        ``timeout_seconds`` bounds the whole exchange. Beside what the port names, raises
        ``Untranslatable`` for what Converse cannot carry, before anything is sent.
        """
        message = msgspec.json.decode(body)
        asked = to_converse(message)
        is_stream = bool(message.get("stream"))

        def exchange() -> Generator[Head | bytes, None, None]:
            return _exchange(lambda: self._connected(provider), provider, asked, is_stream)

        try:
            async with asyncio.timeout(timeout_seconds), from_thread(exchange) as items:
                yield ConverseReply(await _head(items), items)
        except TimeoutError as error:
            raise UpstreamTimedOut(
                f"{provider.name} gave no complete answer within {timeout_seconds:.0f} s. "
                "Stream the call, ask for less output, or defer it."
            ) from error

    def _connected(self, provider: Provider) -> Any:
        with self._connecting:
            self._client = self._client or self._connect(provider)
            return self._client


def connect_to(stand_in: str | None) -> Connect:
    """Return how the client is made: for the catalog's host, or the simulator in its place.

    The endpoint is always said, so that no setting of the environment can turn calls elsewhere.
    """
    if stand_in is not None and not is_loopback_url(stand_in):
        raise ValueError("only a loopback address may stand in for the providers")

    def connect(provider: Provider) -> Any:
        url = provider.base_url.format(region=aws.session().get_config_variable("region"))
        if stand_in is not None:
            url = f"{stand_in.rstrip('/')}/{provider.name}"
        return aws.client("bedrock-runtime", _CONFIG, endpoint_url=url)

    return connect


async def _head(items: Handover[Head | bytes]) -> Head:
    first = await anext(items)
    if not isinstance(first, Head):
        raise TypeError("the body of a reply came before its status")
    return first


def _exchange(
    connected: Callable[[], Any], provider: Provider, asked: Json, is_stream: bool
) -> Generator[Head | bytes, None, None]:
    """Yield the status, then the body; runs in a thread. Raises ``GatewayError``."""
    with _gateway_errors(provider.name):
        try:
            client = connected()
            reply = client.converse_stream(**asked) if is_stream else client.converse(**asked)
        except ClientError as error:
            if code_of(error) == TIMED_OUT:
                raise UpstreamTimedOut(f"{provider.name}'s model took too long.") from error
            yield Head(status_of(error), headers_of(error))
            yield error_body(error)
            return
        yield from (_streamed if is_stream else _whole)(reply, asked)


def _whole(reply: Json, asked: Json) -> Iterator[Head | bytes]:
    message = to_message(
        reply,
        identity=_identity(reply),
        model=asked["modelId"],
        long_writes=writes_last_long(asked),
    )
    yield Head(200)
    yield msgspec.json.encode(message)


def _streamed(reply: Json, asked: Json) -> Iterator[Head | bytes]:
    translated = ConverseToMessageStream(
        identity=_identity(reply), model=asked["modelId"], long_writes=writes_last_long(asked)
    )
    with closing(reply["stream"]) as events:
        yield Head(200)
        try:
            for event in events:
                yield from map(_frame, translated.feed(event))
        # Once the stop reason was said, what befalls the accounts takes nothing from the answer.
        except EventStreamError as error:
            yield from map(_frame, translated.end() or [error_event(error)])
            return
        except (BotoCoreError, HTTPError, *_UNREADABLE):
            if not (owed := translated.end()):
                raise
            yield from map(_frame, owed)
            return
    yield from map(_frame, translated.end())


def _identity(reply: Json) -> str:
    return str(reply.get("ResponseMetadata", {}).get("RequestId", ""))


def _frame(event: Json) -> bytes:
    return named_frame(event["type"], msgspec.json.encode(event))


@contextmanager
def _gateway_errors(provider: str) -> Iterator[None]:
    """Turn what the library raises into the errors that a provider's failure means."""
    try:
        yield
    except GatewayError:
        raise
    except _NEVER_SENT as error:
        raise UpstreamFailed(f"{provider} cannot be reached.", may_bill=False) from error
    except ReadTimeoutError as error:
        raise UpstreamTimedOut(f"{provider} was silent for too long.") from error
    except MalformedAnswer as error:
        raise UpstreamFailed(f"The provider sent {error}.") from error
    # botocore lets urllib3's own errors through while a stream is read.
    except (BotoCoreError, HTTPError) as error:
        name = type(error).__name__
        raise UpstreamFailed(f"The connection to {provider} failed: {name}.") from error
    except _UNREADABLE as error:
        raise UpstreamFailed("The provider's answer cannot be read.") from error
