"""``sluice ask``: one question, or a file of them, through the gateway with the openai SDK."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from openai import APIError, APIStatusError, OpenAI, RateLimitError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.ask_report import print_report, summary
from cli.connection import Gateway

_PAUSES = (0.5, 1, 2, 4, 8)
"""Seconds between tries of one question while the gateway says 429."""

err = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Question:
    """What to ask, of which model, with which controls."""

    prompt: str
    model: str
    task: str | None = None
    feature: str | None = None
    cache: str | None = None
    deadline: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the SDK's arguments."""
        controls = {
            "task": self.task,
            "feature": self.feature,
            "cache": self.cache,
            "deadline": self.deadline,
        }
        return {
            "model": self.model,
            "messages": [{"role": "user", "content": self.prompt}],
            "extra_headers": {f"x-sluice-{name}": v for name, v in controls.items() if v},
        }


@dataclass(frozen=True)
class Outcome:
    """What came of one question; ``notes`` are the gateway's facts by their wire names."""

    answer: str
    notes: dict[str, str]
    error: str | None = None


def ask_one(gateway: Gateway, question: Question, *, as_json: bool) -> None:
    """Print the answer as it streams in, then what it cost."""
    try:
        with new_client(gateway) as client:
            outcome = _stream(client, question, echo=not as_json)
    except APIError as error:
        err.print(f"[red]{told(error)}[/red]", soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(asdict(outcome), ensure_ascii=False, indent=2))
        return
    facts = outcome.notes
    err.print(
        f"[dim]{facts.get('cache')} · {facts.get('model')} ({facts.get('tier', 'no tier')}) · "
        f"cost ${facts.get('cost_usd')}, saved ${facts.get('saved_usd')} · "
        f"{facts.get('route_reason')}[/dim]",
        soft_wrap=True,
    )


def ask_many(gateway: Gateway, questions: list[Question], *, as_json: bool, parallel: int) -> None:
    """Ask every question, show a progress bar, and report tiers, hits, cost and errors."""
    progress = Progress(
        TextColumn("asking"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err
    )
    with new_client(gateway) as client, progress, ThreadPoolExecutor(parallel) as pool:
        outcomes = list(
            progress.track(
                pool.map(lambda each: _answer(client, each), questions), total=len(questions)
            )
        )
    report = summary([(each.notes, each.error) for each in outcomes])
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        print_report(report)
    if report["errors"]:
        raise typer.Exit(1)


def read_questions(file: Path, model: str, **controls: str | None) -> list[Question]:
    """Return the questions of a file: each line's ``prompt`` in ``.jsonl``, else all of it."""
    if str(file) == "-":
        return [Question(sys.stdin.read(), model, **controls)]
    if file.suffix != ".jsonl":
        return [Question(file.read_text(encoding="utf-8"), model, **controls)]
    return [Question(prompt, model, **controls) for prompt in _prompts(file)]


def _prompts(file: Path) -> Iterator[str]:
    # Not splitlines(): JSON texts may hold U+2028 and its like as they are.
    lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            prompt = json.loads(line)["prompt"]
        except (ValueError, KeyError, TypeError):
            raise typer.BadParameter(f"{file}:{number} is no JSON object with a prompt") from None
        if not isinstance(prompt, str):
            raise typer.BadParameter(f"{file}:{number}: prompt is not a text")
        yield prompt


def new_client(gateway: Gateway) -> OpenAI:
    """Return the SDK's client for a gateway."""
    return OpenAI(base_url=gateway.endpoint + "/v1", api_key=gateway.api_key, max_retries=0)


def _answer(client: OpenAI, question: Question) -> Outcome:
    try:
        raw = patiently(client, question)
    except APIError as error:
        return Outcome("", {}, told(error))
    return Outcome(raw.parse().choices[0].message.content or "", facts_in(raw.headers))


def facts_in(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the gateway's facts of an answer by their wire names."""
    return {
        name.removeprefix("x-sluice-").replace("-", "_"): value
        for name, value in headers.items()
        if name.startswith("x-sluice-")
    }


def patiently(client: OpenAI, question: Question) -> Any:
    """Ask again only where nothing was spent: when the gateway limits the rate of calls."""
    create = client.chat.completions.with_raw_response.create
    for pause in _PAUSES:
        try:
            return create(**question.arguments())
        except RateLimitError:
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spreads the retries
    return create(**question.arguments())


def _stream(client: OpenAI, question: Question, *, echo: bool) -> Outcome:
    answer = ""
    facts: dict[str, str] = {}
    with client.chat.completions.create(**question.arguments(), stream=True) as chunks:
        for chunk in chunks:
            facts = (chunk.model_extra or {}).get("sluice", facts)
            text = chunk.choices[0].delta.content if chunk.choices else None
            if text:
                answer += text
                typer.echo(text if echo else "", nl=False)
    if echo:
        typer.echo()
    return Outcome(answer, facts)


def told(error: APIError) -> str:
    """Return what is said of a refusal, with its status once: the SDK's words have it, too."""
    if isinstance(error, APIStatusError):
        said = error.message.removeprefix(f"Error code: {error.status_code} - ")
        return f"{error.status_code}: {said}"
    return str(error)
