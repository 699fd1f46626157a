"""``sluice replay``: what a log of calls cost, and what it would have cost through the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import track

from cli.replay_facts import CatalogFacts
from cli.replay_log import Reading, read_log
from cli.replay_print import print_replay
from cli.replay_report import Report, report
from cli.reports.replay_page import replay_report_html
from shared.catalog import CatalogError, served_providers
from shared.domain.controls import MAX_TTL_SECONDS
from shared.domain.errors import UnknownModel
from shared.domain.replay.calls import LoggedCall
from shared.domain.replay.scenarios import Replay, Wishes
from shared.domain.replay.summary import summed

_DAY: Final = 86_400
ALL: Final = "all"
USUAL: Final = ("openai", "anthropic")


def replay(
    log: Annotated[Path, typer.Argument(help="One JSON request a line, best with its usage.")],
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    baseline_model: Annotated[
        str, typer.Option(help="Who answered where a line names no model, auto or a tier.")
    ] = "gpt-6-astra",
    ttl: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_TTL_SECONDS, help="Seconds that a cached answer lasts."),
    ] = None,
    batch: Annotated[
        list[str] | None,
        typer.Option(help="A task or feature whose calls may wait a day, or all. Repeatable."),
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(help="Who may be routed to: openai and anthropic at first. Repeatable."),
    ] = None,
    price_as: Annotated[
        list[str] | None,
        typer.Option(help="NAME=MODEL: price a name that only the log knows. Repeatable."),
    ] = None,
    output_tokens: Annotated[
        int, typer.Option(min=1, help="Assumed where neither usage nor an answer is logged.")
    ] = 300,
    spread: Annotated[
        int, typer.Option(min=1, help="Seconds over which calls without a time are spread.")
    ] = _DAY,
    tenant_field: Annotated[
        str | None, typer.Option(help="The field that parts callers; else tenant or team.")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Whose prices other models have; else today."),
    ] = None,
) -> None:
    """Replay a log of OpenAI or Anthropic calls offline: the bill without Sluice, and with it."""
    _existing(log)
    wishes = _wishes(day, batch or [])
    providers = tuple(dict.fromkeys(provider or USUAL))
    facts = _facts(providers, wishes, price_as or [], ttl)
    reading = Reading(_known(facts, baseline_model), output_tokens, spread, tenant_field)
    told = _replayed(log, facts, reading, wishes, providers)
    if html is not None:
        html.write_text(replay_report_html(told), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print_replay(told, html)
    if not told["bill"]["calls"]:
        raise typer.Exit(1)


def _wishes(day: datetime | None, batched: list[str]) -> Wishes:
    return Wishes(
        day=(day or datetime.now(UTC)).date(),
        batched=frozenset(batched) - {ALL},
        batch_all=ALL in batched,
    )


def _replayed(
    log: Path,
    facts: CatalogFacts,
    reading: Reading,
    wishes: Wishes,
    providers: tuple[str, ...],
) -> Report:
    """Read a log, replay it, and report what came of it."""
    read = read_log(log, facts, reading, wishes)
    return report(
        read,
        summed(Replay(facts, wishes).run(_watched(read.calls))),
        name=log.name,
        reading=reading,
        wishes=wishes,
        freshness=facts.freshness,
        providers=providers,
        price_version=facts.price_version,
    )


def _watched(calls: list[LoggedCall]) -> Iterable[LoggedCall]:
    """Show how far the replay is, to a person who waits for it."""
    console = Console(stderr=True)
    quiet = not console.is_terminal
    return track(calls, "replaying", console=console, transient=True, disable=quiet)


def _existing(log: Path) -> None:
    if not log.is_file():
        raise typer.BadParameter(f"there is no file {log}")


def _facts(
    providers: tuple[str, ...], wishes: Wishes, price_as: list[str], ttl: int | None
) -> CatalogFacts:
    unknown = set(providers) - served_providers()
    if unknown:
        raise typer.BadParameter(f"no provider {', '.join(sorted(unknown))}")
    try:
        facts = CatalogFacts(providers, wishes.day, aliases=_aliases(price_as), ttl=ttl)
    except CatalogError as error:
        raise typer.BadParameter(str(error)) from None
    for model in _aliases(price_as).values():
        _known(facts, model)
    return facts


def _aliases(price_as: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in price_as]
    if not all(name and model for name, _, model in pairs):
        raise typer.BadParameter("--price-as takes NAME=MODEL")
    return {name: model for name, _, model in pairs}


def _known(facts: CatalogFacts, name: str) -> str:
    try:
        return facts.model(name).id
    except UnknownModel:
        raise typer.BadParameter(f"the catalog has no model {name!r}") from None
