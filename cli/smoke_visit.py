"""A visit to one gateway as any caller pays it: over HTTP, with a key, counting what it costs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx2

MAX_TOKENS: Final = 400
"""Room for the answers asked for and for some hidden reasoning: one that is cut off is not
cached. About $0.0002 at the cheapest tier's price, were it all used."""

CHAT: Final = "/v1/chat/completions"
MESSAGES: Final = "/v1/messages"


class Unexpected(Exception):
    """What a check saw instead of what it looked for."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer and the gateway's facts in it."""

    http: httpx2.Response

    @property
    def json(self) -> Any:
        """The body; raises ``ValueError`` where it is not JSON."""
        return self.http.json()

    @property
    def cost(self) -> Decimal | None:
        """What it says that it cost, in USD."""
        told = self.header("cost-usd")
        return Decimal(told) if told else None

    @property
    def cache(self) -> str:
        """What part the cache had."""
        return self.header("cache") or "without x-sluice-cache"

    @property
    def words(self) -> str:
        """The answer of a chat completion."""
        return str(self.json["choices"][0]["message"]["content"] or "")

    @property
    def request_id(self) -> str:
        """What to quote to the gateway's operators."""
        return str(self.http.headers.get("x-request-id", ""))

    @property
    def seconds(self) -> str:
        """How long it took, for a person."""
        return f"{self.http.elapsed.total_seconds():.3f} s"

    def header(self, name: str) -> str:
        """Return an ``x-sluice-`` header, or nothing."""
        return str(self.http.headers.get(f"x-sluice-{name}", ""))

    def expect(self, status: int) -> None:
        """Raise :class:`Unexpected` for another status."""
        if self.http.status_code != status:
            raise Unexpected(f"{self.http.status_code}, not {status}: {self.start}")

    @property
    def start(self) -> str:
        """The first words of the body, for a person."""
        return repr(self.http.text[:160])

    def told(self) -> str:
        """Return cache, cost, model and time for a person."""
        price = "no cost told" if self.cost is None else f"${self.cost:f}"
        return f"{self.cache}, {price}, {self.header('model') or 'no model'}, {self.seconds}"


@dataclass
class Visit:
    """A visit to one gateway: how it is called, and what it cost so far in USD."""

    http: httpx2.Client
    api_key: str
    model: str
    cost_usd: Decimal = Decimal()
    first: Answer | None = None
    """The first whole answer, which later checks compare with."""
    reference: str = field(default_factory=lambda: secrets.token_hex(8))
    """Makes this visit's questions new to every cache."""

    @property
    def bearer(self) -> dict[str, str]:
        """The header that most SDKs send the key in."""
        return bearer(self.api_key)

    def get(self, path: str, headers: dict[str, str]) -> Answer:
        """Ask for a page."""
        return Answer(self.http.get(path, headers=headers))

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Ask, and count what the answer cost."""
        answer = Answer(self.http.post(path, json=body, headers=headers))
        self.cost_usd += answer.cost or 0
        return answer

    def ask(self, **controls: str) -> Answer:
        """Ask the visit's one short question of the chat door, with controls by name."""
        headers = {f"x-sluice-{name}": value for name, value in controls.items()}
        body = self.question("Reply with the one word sluice.")
        return self.post(CHAT, body, self.bearer | headers)

    def question(self, text: str, **fields: Any) -> dict[str, Any]:
        """Return a chat request."""
        messages = [{"role": "user", "content": f"{text} (Reference {self.reference}.)"}]
        limit = {"max_completion_tokens": MAX_TOKENS}
        return {"model": self.model, "messages": messages, **limit, **fields}


def bearer(key: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"authorization": f"Bearer {key}"}
