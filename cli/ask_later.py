"""``sluice ask --deadline``: questions that may be answered later, at a batch's price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import typer
from openai import APIError, OpenAI

from cli.ask import Question, err, facts_in, new_client, told
from cli.connection import Gateway

_WAIT_SECONDS: Final = 60
"""The longest that the gateway holds one answer back."""
_GOING: Final = frozenset({"queued", "assigned"})


def ask_later(gateway: Gateway, questions: list[Question], *, wait: bool, as_json: bool) -> None:
    """Print the ids of the jobs as they are accepted and, where it is waited for, their answers.

    Exits with 1 when one was refused or failed. Who stops waiting finds the answer under the id.
    """
    has_failed = False
    with new_client(gateway) as client:
        accepted = [_accepted(client, question, as_json=as_json) for question in questions]
        has_failed = None in accepted
        if wait:
            for job in filter(None, accepted):
                has_failed |= not _told(_ended(client, job), as_json=as_json)
    if has_failed:
        raise typer.Exit(1)


def _accepted(client: OpenAI, question: Question, *, as_json: bool) -> str | None:
    """Return the id of a question's job, which is shown, or None where it was refused."""
    try:
        raw = client.chat.completions.with_raw_response.create(**question.arguments())
    except APIError as error:
        err.print(f"[red]{told(error)}[/red]", soft_wrap=True)
        return None
    job: dict[str, Any] = raw.http_response.json()
    typer.echo(json.dumps(job) if as_json else job["id"])
    return str(job["id"])


def _ended(client: OpenAI, job: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Wait for the end of a job; returns it, and the gateway's facts of it."""
    for found in _looks(client, job):
        shown = found.json()
        if shown["status"] not in _GOING:
            return shown, facts_in(found.headers)
    raise AssertionError("a job ends")


def _looks(client: OpenAI, job: str) -> Iterator[httpx2.Response]:
    while True:
        try:
            yield client.get(f"/jobs/{job}?wait={_WAIT_SECONDS}", cast_to=httpx2.Response)
        except APIError as error:
            err.print(f"[red]{job}: {told(error)}[/red]", soft_wrap=True)
            raise typer.Exit(1) from None


def _told(ended: tuple[dict[str, Any], dict[str, str]], *, as_json: bool) -> bool:
    """Print what became of a job; whether it was answered."""
    job, facts = ended
    if as_json:
        typer.echo(json.dumps(job | {"notes": facts}, ensure_ascii=False))
    elif job["result"] is not None:
        typer.echo(job["result"]["choices"][0]["message"]["content"])
        err.print(
            f"[dim]{job['id']} · {facts.get('model')} · cost ${facts.get('cost_usd')}, "
            f"saved ${facts.get('saved_usd')}[/dim]",
            soft_wrap=True,
        )
    else:
        err.print(f"[red]{job['id']}: {job['error']['message']}[/red]", soft_wrap=True)
    return job["result"] is not None
