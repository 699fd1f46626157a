"""Reads the data files beside this module, against closed shapes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

MODELS = "models.toml"
PRICE_TABLE = "compiled_prices.json"
PROVIDERS = "providers.toml"
ROUTING = "routing.toml"
FRESHNESS = "freshness.toml"
AWS_PRICES = "aws_prices.toml"


class CatalogError(ValueError):
    """A file of the catalog that does not fit its shape; names the file and the row."""


def content(name: str) -> bytes:
    """Return a data file's bytes."""
    return Path(__file__).with_name(name).read_bytes()


def read(name: str, shape: Any) -> Any:
    """Return a data file decoded into a shape; raises :class:`CatalogError` naming the file."""
    decode = msgspec.json.decode if name.endswith(".json") else msgspec.toml.decode
    try:
        return decode(content(name), type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CatalogError(f"{name}: {error}") from error


def digest(files: Iterable[str]) -> str:
    """Return a short digest of data files, in the given order."""
    found = hashlib.sha256()
    for name in files:
        found.update(content(name))
    return found.hexdigest()[:12]
