"""The control server's pages on alarms, the mailbox and webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from local.json_page import json_page
from local.signals import Signals
from local.webhook_inbox import WebhookInbox

BAD_REQUEST = 400

PAGES = {
    "GET /alarms": "every alarm: state, value, since when, why",
    "GET /alarms/history": "?name=: every change of a state, oldest first, and which topics heard",
    "GET /mailbox": "e-mails and webhooks, oldest first; nothing leaves this machine",
    "GET /webhooks": "?name=: what was posted to the inbox, and what was answered",
    "POST /webhooks/fail": '{"name": N, "status": 500, "seconds": 0, "times": 1}: fail next posts',
    "POST /inbox/{name}": "where a webhook goes on this machine",
}


@dataclass(frozen=True)
class SignalPages:
    """Pages over the signals of each stack, by its name, and the world's one inbox."""

    signals: Mapping[str, Signals]
    inbox: WebhookInbox

    def routes(self) -> list[Route]:
        """Return the routes of all pages."""
        return [
            Route("/alarms", json_page(self._alarms)),
            Route("/alarms/history", json_page(self._history)),
            Route("/mailbox", json_page(self._mailbox)),
            Route("/webhooks", json_page(self._webhooks)),
            Route("/webhooks/fail", json_page(self._fail), methods=["POST"]),
            Route("/inbox/{name}", self.inbox.post, methods=["POST"]),
        ]

    async def settle(self) -> None:
        """Evaluate and deliver what is due, in every stack."""
        for signals in self.signals.values():
            await signals.settle()

    async def _alarms(self, _: Request) -> object:
        await self.settle()
        return [
            {"stack": name, **alarm}
            for name, signals in self.signals.items()
            for alarm in signals.shown()
        ]

    async def _history(self, request: Request) -> object:
        await self.settle()
        wanted = request.query_params.get("name")
        return [
            {"stack": name, **change}
            for name, signals in self.signals.items()
            for change in signals.history()
            if wanted in {None, change["name"]}
        ]

    async def _mailbox(self, _: Request) -> object:
        await self.settle()
        return [shown for _, shown in sorted(self._messages(), key=lambda pair: pair[0])]

    def _messages(self) -> Iterator[tuple[float, dict[str, object]]]:
        for signals in self.signals.values():
            for mail in signals.delivery.mailbox:
                yield mail.at, mail.shown()
        for post in self.inbox.delivered:
            yield post.at, post.shown()

    async def _webhooks(self, request: Request) -> object:
        wanted = request.query_params.get("name")
        return [each.shown() for each in self.inbox.delivered if wanted in {None, each.name}]

    async def _fail(self, request: Request) -> object:
        try:
            return self.inbox.fail(json.loads(await request.body()))
        except ValueError as error:
            raise HTTPException(BAD_REQUEST, str(error)) from error
