"""The providers of the catalog: how each is reached and spoken to."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from shared.catalog import files
from shared.catalog.rows import Row
from shared.domain.formats import FormatName

Protocol = Literal["openai-chat", "anthropic-messages", "bedrock-converse"]
Authentication = Literal["bearer", "x-api-key", "iam"]
UsageDialect = Literal["openai", "deepseek", "gemini", "anthropic", "bedrock"]


class BatchApi(Row):
    """What a provider's batch API takes in one batch, and how many batches an hour.

    ``api`` says whose batches it speaks: an endpoint that takes OpenAI's chat may have none.
    """

    api: Literal["openai", "anthropic"]
    lines: int
    bytes: int
    creates_an_hour: int
    source: str
    checked: date


class Provider(Row, kw_only=True):
    """How to reach a provider; the fields are explained in ``providers.toml``."""

    base_url: str
    protocol: Protocol
    auth: Authentication
    output_limit: str
    reasoning: Literal["inside", "outside"]
    bounds_reasoning: bool = True
    usage: UsageDialect
    source: str
    checked: date
    key_variable: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    pins: dict[str, str] = msgspec.field(default_factory=dict)
    refuses: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    batch: BatchApi | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse a key without a place to look for it, and a place without a key."""
        if (self.auth == "iam") != (self.key_variable is None):
            raise ValueError("key_variable and auth contradict each other")

    @property
    def wire_format(self) -> FormatName:
        """The format of the bodies that the router and the provider's adapter exchange."""
        return "openai-chat" if self.protocol == "openai-chat" else "anthropic-messages"

    @property
    def has_key(self) -> bool:
        """Whether calls carry an API key, which a secret must hold; else the role signs them."""
        return self.auth != "iam"


def load_providers() -> dict[str, Provider]:
    """Read the providers by name; raises ``CatalogError``."""
    rows: dict[str, Provider] = files.read(files.PROVIDERS, dict[str, Provider])
    return {name: msgspec.structs.replace(row, name=name) for name, row in rows.items()}
