"""Keeps this process on this machine, whatever the code inside it tries."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_RESOLVING = {"socket.getaddrinfo", "socket.gethostbyname"}


class OutsideForbiddenError(ConnectionError):
    """Something tried to reach another host than this one; names it."""


def forbid_the_outside() -> None:
    """Refuse every connection and name look-up that leaves loopback, for good.

    Operations that moto lacks fall through to the real AWS endpoint in places, so the guard sits
    below every library: an audit hook sees each socket call and cannot be taken out again.
    """
    sys.addaudithook(_refuse_outside)


def _refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING:
        # A Unix socket's address is a path: that is how docker would be reached.
        address = arguments[1]
        _require_loopback(address[0] if isinstance(address, tuple) else address)
    elif event in _RESOLVING:
        _require_loopback(arguments[0])


def _require_loopback(host: object) -> None:
    # No host at all means "any of my own", as in getaddrinfo for a server's own address.
    if host is not None and not _is_loopback(str(host)):
        raise OutsideForbiddenError(f"the local AWS may not reach {host!s}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
