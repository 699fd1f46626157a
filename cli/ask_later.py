"""``sluice ask --deadline``: questions that may be answered later, at a batch's price."""

from __future__ import annotations

import json
import time
from itertools import chain, repeat
from typing import Any, Final

import httpx2
import typer
from openai import APIConnectionError, APIError, InternalServerError, OpenAI, RateLimitError

from cli.ask import Question, err, facts_in, new_client, patiently, told
from cli.connection import KEY_VARIABLE, Gateway

_WAIT_SECONDS: Final = 60
"""The longest that the gateway holds one answer back."""
_GOING: Final = frozenset({"queued", "assigned"})
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between looks at a gateway that is away; the last one again and again."""
_INTERRUPTED: Final = 130

Ended = tuple[dict[str, Any], dict[str, str]]
"""A job at its end, and the gateway's facts of it."""


def ask_later(gateway: Gateway, questions: list[Question], *, wait: bool, as_json: bool) -> None:
    """Print the ids of the jobs as they are accepted and, where it is waited for, their answers.

    Exits with 1 when one was refused or failed, and with 130 on Ctrl-C, which ends no job: the ids
    of those whose answers were not shown are told.
    """
    left: list[str] = []
    has_failed = False
    with new_client(gateway) as client:
        try:
            for question in questions:
                job = _accepted(client, question, as_json=as_json)
                has_failed |= job is None
                left += [job] if job else []
            while wait and left:
                has_failed |= not _told(_ended(client, left[0]), as_json=as_json)
                del left[0]
        except KeyboardInterrupt:
            _say_how_to_go_on(gateway, left)
            raise typer.Exit(_INTERRUPTED) from None
    if has_failed:
        raise typer.Exit(1)


def _say_how_to_go_on(gateway: Gateway, left: list[str]) -> None:
    if left:
        err.print("What was accepted goes on:", *left, sep="\n", soft_wrap=True)
        url = f"{gateway.endpoint}/v1/jobs/{left[0]}?wait={_WAIT_SECONDS}"
        err.print(f'curl "{url}" -H "Authorization: Bearer ${KEY_VARIABLE}"', soft_wrap=True)


def _accepted(client: OpenAI, question: Question, *, as_json: bool) -> str | None:
    """Return the id of a question's job, which is shown, or None where it was refused."""
    try:
        raw = patiently(client, question)
    except APIError as error:
        err.print(f"[red]{told(error)}[/red]", soft_wrap=True)
        return None
    job: dict[str, Any] = raw.http_response.json()
    typer.echo(json.dumps(job) if as_json else job["id"])
    return str(job["id"])


def _ended(client: OpenAI, job: str) -> Ended | None:
    """Wait for the end of a job; None where the gateway does not tell, and says why."""
    try:
        while True:
            found = _looked(client, job)
            shown = found.json()
            if shown["status"] not in _GOING:
                return shown, facts_in(found.headers)
    except APIError as error:
        err.print(f"[red]{job}: {told(error)}[/red]", soft_wrap=True)
        return None


def _looked(client: OpenAI, job: str) -> httpx2.Response:
    """Look at a job; a gateway that is away for a while ends no wait of a day."""
    for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
        try:
            return client.get(f"/jobs/{job}?wait={_WAIT_SECONDS}", cast_to=httpx2.Response)
        except (APIConnectionError, InternalServerError, RateLimitError) as error:
            if pause == _PAUSES[0]:
                err.print(f"[dim]{job}: {told(error)}; trying again[/dim]", soft_wrap=True)
        time.sleep(pause)
    raise AssertionError("it is tried for ever")


def _said(result: dict[str, Any]) -> str:
    """Return what an answer says; one without a text is shown as it is."""
    message: dict[str, Any] = result["choices"][0]["message"]
    if message.get("content") is not None:
        return str(message["content"])
    facts = {name: value for name, value in message.items() if value and name != "role"}
    return json.dumps(facts, ensure_ascii=False)


def _told(ended: Ended | None, *, as_json: bool) -> bool:
    """Print what became of a job; whether it was answered."""
    if ended is None:
        return False
    job, facts = ended
    if as_json:
        typer.echo(json.dumps(job | {"notes": facts}, ensure_ascii=False))
    elif job["result"] is not None:
        typer.echo(_said(job["result"]))
        err.print(
            f"[dim]{job['id']} · {facts.get('model')} · cost ${facts.get('cost_usd')}, "
            f"saved ${facts.get('saved_usd')}[/dim]",
            soft_wrap=True,
        )
    else:
        err.print(f"[red]{job['id']}: {job['error']['message']}[/red]", soft_wrap=True)
    return job["result"] is not None
