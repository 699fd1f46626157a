"""HTTP to receivers that nobody vouches for: an answer's status and headers come soon, or not.

A read timeout is for each read of a socket, so a receiver that sends a byte a second holds its
caller for as long as it likes. Here the timeout is for the status and the headers together. Looking
up a host's name is the resolver's, which has its own limits.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from typing_extensions import Buffer


def bounded_http() -> urllib3.PoolManager:
    """Return a client whose ``read`` timeout is for an answer as a whole, in seconds."""
    manager = urllib3.PoolManager()
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager


class _Reader(io.RawIOBase):
    """Reads a socket until a moment of the monotonic clock."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, until: float) -> None:
        self._sock, self._raw, self._until = sock, raw, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """One that must be read by the time that the socket's timeout had still to go at first."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        timeout = sock.gettimeout()
        if timeout is not None:
            until = time.monotonic() + timeout
            self.fp = io.BufferedReader(_Reader(sock, self.fp.detach(), until))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
