"""Logged calls as short as tests want them, and the catalog that they are tried on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cli.replay_facts import CatalogFacts
from cli.replay_log import Log, Reading, read_log
from shared.domain.replay.scenarios import Replay, Replayed, Wishes

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
READING = Reading("gpt-6-astra", output_tokens=300, spread_seconds=86_400)


def line(
    text: str = "What is a weir?",
    *,
    model: str = "gpt-6-astra",
    after: float = 0,
    usage: tuple[int, int] | None = (1_000, 100),
    system: str | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Return a flat OpenAI line; ``usage`` is prompt and completion tokens, ``after`` seconds."""
    messages = [{"role": "user", "content": text}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    row: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "timestamp": (NOON + timedelta(seconds=after)).isoformat(),
        **others,
    }
    if usage is not None:
        row["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return row


def facts(*enabled: str, **wishes: Any) -> CatalogFacts:
    """Return the catalog on the day; without wishes it is read once for all tests."""
    if not wishes:
        return _plain_facts(enabled or ("openai", "anthropic"))
    return CatalogFacts(enabled or ("openai", "anthropic"), DAY, **wishes)


@lru_cache
def _plain_facts(enabled: tuple[str, ...]) -> CatalogFacts:
    return CatalogFacts(enabled, DAY)


def read(
    tmp_path: Path, *rows: Any, known: CatalogFacts | None = None, reading: Reading = READING
) -> Log:
    """Return the log of rows; a text stands for itself, anything else for its JSON."""
    file = tmp_path / "log.jsonl"
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return read_log(file, known or facts(), reading, Wishes(DAY))


def replayed(
    tmp_path: Path,
    *rows: Any,
    known: CatalogFacts | None = None,
    wishes: Wishes | None = None,
) -> list[Replayed]:
    known = known or facts()
    calls = read(tmp_path, *rows, known=known).calls
    return list(Replay(known, wishes or Wishes(DAY)).run(calls))
