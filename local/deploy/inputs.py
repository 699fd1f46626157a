"""Declared properties that remember which of them were looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import rpc


class Inputs:
    """A resource's properties, camelCase, as plain values.

    What nobody asks for is listed by :meth:`unread`: a property that the local world leaves out
    is told to the user and never lost in silence.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._read: set[str] = set()
        self._parts: dict[str, Inputs] = {}

    @property
    def values(self) -> Mapping[str, Any]:
        """Everything that is declared, without counting any of it as read."""
        return self._values

    def __getitem__(self, key: str) -> Any:
        """Return a property that must be there; counts it, with all below it, as read."""
        self._read.add(key)
        return self._values[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a property or a default; counts it, with all below it, as read."""
        self._read.add(key)
        return self._values.get(key, default)

    def part(self, key: str) -> Inputs:
        """Return a structure of which each property is counted on its own; empty if absent."""
        return self._parts.setdefault(key, Inputs(self._values.get(key) or {}))

    def chosen(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Return the properties that are set, under the names that AWS's API has for them."""
        found = {api: self.get(key) for key, api in names.items()}
        return {api: value for api, value in found.items() if value is not None}

    def unread(self) -> list[str]:
        """Return the paths of the properties nobody looked at, such as ``settings.cached``."""
        own = [key for key in self._values if key not in self._read and key not in self._parts]
        nested = [f"{key}.{path}" for key, part in self._parts.items() for path in part.unread()]
        return sorted(own + nested)


def plain(value: Any) -> Any:
    """Turn a value from Pulumi's wire into plain data: secrets opened, whole numbers whole."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, Mapping):
        return {key: plain(content) for key, content in value.items()}
    if isinstance(value, list):
        return [plain(content) for content in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.path if isinstance(value, pulumi.FileArchive) else value
