"""``sluice ask --deadline``: questions that may be answered later, at a batch's price.

``sluice ask --job`` fetches an answer, whenever that is.
"""

from __future__ import annotations

import json
import time
from itertools import chain, repeat
from typing import Any, Final
from urllib.parse import quote

import httpx2
import typer
from openai import APIConnectionError, APIError, InternalServerError, OpenAI, RateLimitError

from cli.ask import Question, err, facts_in, new_client, patiently, told
from cli.connection import Gateway
from shared.clock import utc

_WAIT_SECONDS: Final = 60
"""The longest that the gateway holds one answer back."""
_GOING: Final = {
    "queued": "it waits for company, or to be called",
    "assigned": "it stands in a provider's batch, or is being called",
}
"""What the states mean in which a job has not ended."""
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between looks at a gateway that is away; the last one again and again."""
_INTERRUPTED: Final = 130

Found = tuple[dict[str, Any], dict[str, str]]
"""A job as the gateway shows it, and the gateway's facts of it."""


def ask_later(
    gateway: Gateway,
    questions: list[Question],
    *,
    wait: bool,
    as_json: bool,
    endpoint: str | None = None,
) -> None:
    """Print the ids of the jobs as they are accepted and, where it is waited for, their answers.

    Exits with 1 when one was refused or failed, and with 130 on Ctrl-C, which ends no job: the ids
    of those whose answers were not shown are told. ``endpoint`` is what --endpoint named, so that
    the command that is told for later names it too.
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
                has_failed |= not _told(_found(client, left[0], wait=True), as_json=as_json)
                del left[0]
        except KeyboardInterrupt:
            raise _interrupted(left, endpoint) from None
    if left and not as_json:
        what = "its answer" if len(left) == 1 else "answers by their ids, the first"
        err.print(
            f"Fetch {what} with: {_fetching(left[0], endpoint)}", markup=False, soft_wrap=True
        )
    if has_failed:
        raise typer.Exit(1)


def ask_job(
    gateway: Gateway, job: str, *, wait: bool, as_json: bool, endpoint: str | None = None
) -> None:
    """Print the answer of a job, or how far it is and when it is due; ``wait`` for its end.

    Exits with 1 when it failed, was cancelled or is not known, and with 130 on Ctrl-C.
    """
    try:
        with new_client(gateway) as client:
            found = _found(client, job, wait=wait)
    except KeyboardInterrupt:
        raise _interrupted([job], endpoint) from None
    if not _told(found, as_json=as_json):
        raise typer.Exit(1)


def _interrupted(left: list[str], endpoint: str | None) -> typer.Exit:
    """Tell which jobs go on and how to fetch their answers; returns what ends the command."""
    if left:
        err.print("What was accepted goes on:", *left, sep="\n", soft_wrap=True)
        err.print(_fetching(left[0], endpoint), markup=False, soft_wrap=True)
    return typer.Exit(_INTERRUPTED)


def _fetching(job: str, endpoint: str | None) -> str:
    """Return the command that fetches the answer of a job."""
    named = f" --endpoint {endpoint}" if endpoint else ""
    return f"sluice ask --job {job} --wait{named}"


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


def _found(client: OpenAI, job: str, *, wait: bool) -> Found | None:
    """Return a job as it is, or at its end; None where the gateway does not tell, and says why."""
    try:
        while True:
            found = (
                _looked(client, job) if wait else client.get(_path(job), cast_to=httpx2.Response)
            )
            shown = found.json()
            if not wait or shown["status"] not in _GOING:
                return shown, facts_in(found.headers)
    except APIError as error:
        err.print(f"{job}: {told(error)}", style="red", markup=False, soft_wrap=True)
        return None


def _looked(client: OpenAI, job: str) -> httpx2.Response:
    """Wait for a job's end; a gateway that is away for a while ends no wait of a day."""
    for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
        try:
            return client.get(f"{_path(job)}?wait={_WAIT_SECONDS}", cast_to=httpx2.Response)
        except (APIConnectionError, InternalServerError, RateLimitError) as error:
            if pause == _PAUSES[0]:
                err.print(f"[dim]{job}: {told(error)}; trying again[/dim]", soft_wrap=True)
        time.sleep(pause)
    raise AssertionError("it is tried for ever")


def _path(job: str) -> str:
    return f"/jobs/{quote(job, safe='')}"


def _said(result: dict[str, Any]) -> str:
    """Return what an answer says, in either door's format; one without a text as it is."""
    if "choices" not in result:
        texts = [each["text"] for each in result["content"] if each["type"] == "text"]
        return "".join(texts) if texts else json.dumps(result["content"], ensure_ascii=False)
    message: dict[str, Any] = result["choices"][0]["message"]
    if message.get("content") is not None:
        return str(message["content"])
    facts = {name: value for name, value in message.items() if value and name != "role"}
    return json.dumps(facts, ensure_ascii=False)


def _told(found: Found | None, *, as_json: bool) -> bool:
    """Print what is known of a job; whether it was answered, or still may be."""
    if found is None:
        return False
    job, facts = found
    is_going = job["status"] in _GOING
    if as_json:
        typer.echo(json.dumps(job | {"notes": facts}, ensure_ascii=False))
    elif job["result"] is not None:
        typer.echo(_said(job["result"]))
        err.print(
            f"[dim]{job['id']} · {facts.get('model')} · cost ${facts.get('cost_usd')}, "
            f"saved ${facts.get('saved_usd')}[/dim]",
            soft_wrap=True,
        )
    elif is_going:
        due = f"{utc(job['deadline']):%Y-%m-%d %H:%M:%S}"
        state = f"{job['status']}: {_GOING[job['status']]}; due {due} UTC"
        err.print(f"{job['id']} is {state}", soft_wrap=True)
    else:
        why = (job["error"] or {"message": "Its answer is kept no more."})["message"]
        err.print(f"{job['id']}: {why}", style="red", markup=False, soft_wrap=True)
    return is_going or job["result"] is not None
