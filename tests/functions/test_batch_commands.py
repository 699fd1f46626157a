"""``sluice batch`` against the app on fakes, by the stock SDK that it is made of."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cli import batch as command
from shared.domain.money import format_usd
from tests.functions.test_batches import Doors
from tests.unit.batches.world import World, chat, line

WIDTH = 80
LEVERS = ("batch", "exact_cache")


class Inside(httpx2.BaseTransport):
    """Brings each request to the app, in this thread."""

    def __init__(self, doors: Doors) -> None:
        self._app = doors.app

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return asyncio.run(self._asked(request, request.read()))

    async def _asked(self, request: httpx2.Request, content: bytes) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self._app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport) as client:
            headers = dict(request.headers)
            found = await client.request(
                request.method, request.url, headers=headers, content=content
            )
        return httpx2.Response(found.status_code, headers=found.headers, content=found.content)


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Doors:
    made = Doors(World())
    monkeypatch.setenv("SLUICE_ENDPOINT", "http://gateway")
    monkeypatch.setenv("SLUICE_API_KEY", made.keys["search"])
    monkeypatch.setattr(command, "console", Console(highlight=False, width=WIDTH))
    monkeypatch.setattr("cli.batch.time.sleep", lambda _: made.world.pass_time(120))
    stock = openai.OpenAI

    def client(**more: Any) -> openai.OpenAI:
        return stock(**more, http_client=httpx2.Client(transport=Inside(made)))

    monkeypatch.setattr(openai, "OpenAI", client)
    return made


def sluice(*words: str) -> Result:
    return CliRunner().invoke(command.app, list(words))


def written(path: Path, *lines: Any) -> str:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("\n".join(texts))
    return str(path)


def example() -> list[dict[str, Any]]:
    """20 lines, two of which ask what another one asks: the example of docs/batches.md."""
    asked = [f"Question {n}." for n in range(18)]
    return [
        line(f"l{n}", chat(text, sluice={"feature": "nightly"}))
        for n, text in enumerate([*asked, *asked[:2]])
    ]


def told_by_the_docs() -> str:
    text = Path("docs/batches.md").read_text()
    return text.partition("<!-- a run of the example -->\n```\n")[2].partition("```")[0]


def test_a_watched_batch_ends_with_its_saving_as_the_documents_show(
    doors: Doors, tmp_path: Path
) -> None:
    answers = tmp_path / "answers.jsonl"
    file = written(tmp_path / "a.jsonl", *example())
    found = sluice("submit", file, "--watch", "--output", str(answers))
    assert found.exit_code == 0, found.output
    rows = [json.loads(each) for each in answers.read_text().splitlines()]
    assert {row["custom_id"] for row in rows} == {f"l{n}" for n in range(20)}
    assert _without_ids(told_by_the_docs()) == _without_ids(found.stdout)
    levers = [row.levers for row in doors.world.ledger.rows.values()]
    batch, cache = (sum(getattr(each, name) for each in levers) for name in LEVERS)
    assert (batch, cache) == (180_000, 40_000)
    text = Path("docs/batches.md").read_text()
    for name, nano in zip(LEVERS, (batch, cache), strict=True):
        assert f"`${format_usd(nano)}`" in text
        assert f"under `{name}`" in text


def _without_ids(text: str) -> list[str]:
    """The lines of an output without those that name an id."""
    return [each for each in text.splitlines() if not re.search("batch_|file-", each)]


def test_a_bad_file_tells_its_lines_and_ends_with_1(doors: Doors, tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", line("a"), "{", {**line("b"), "method": "GET"})
    found = sluice("submit", file)
    assert found.exit_code == 1
    assert "failed" in found.stdout
    assert "line 2: invalid_json_line" in found.stdout
    assert "line 3: invalid_value" in found.stdout
    assert doors.world.ledger.holds == {}


def test_what_the_gateway_refuses_is_told_without_a_trace(doors: Doors, tmp_path: Path) -> None:
    found = sluice("get", "batch_" + "0" * 32)
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("404: ")
    empty = sluice("submit", written(tmp_path / "empty.jsonl"))
    assert empty.exit_code == 1
    assert empty.stderr.startswith("400: ")
    assert "Traceback" not in found.stderr + empty.stderr


def test_a_batch_is_got_and_its_results_fetched(doors: Doors, tmp_path: Path) -> None:
    made = doors.create(line("a"), line("bad", chat("x", model="gpt-2")))
    first = sluice("get", made.id)
    assert "in_progress" in first.stdout
    errors = tmp_path / "errors.jsonl"
    done = sluice("get", made.id, "--watch", "--errors", str(errors))
    assert "2 lines, 1 answered, 1 without an answer" in done.stdout
    assert [json.loads(row)["custom_id"] for row in errors.read_text().splitlines()] == ["bad"]


def test_whoever_stops_waiting_is_told_how_to_go_on(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.batch.time.sleep", interrupted)
    found = sluice("submit", written(tmp_path / "a.jsonl", line("a")), "--watch")
    assert found.exit_code == 130
    [batch] = doors.world.callers.rows.values()
    assert f"sluice batch get {batch.id} --watch" in found.stderr
    assert batch.status == "in_progress"


def test_a_gateway_that_is_away_for_a_while_ends_no_watch(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = doors.create(line("a"))
    answer, away = Inside.handle_request, iter(range(8))

    def sometimes(inside: Inside, request: httpx2.Request) -> httpx2.Response:
        if next(away, None) in {2, 3, 4, 5}:
            raise httpx2.ConnectError("refused")
        return answer(inside, request)

    monkeypatch.setattr(Inside, "handle_request", sometimes)
    done = sluice("get", made.id, "--watch")
    assert done.exit_code == 0, done.output
    assert "1 answered" in done.stdout


def test_a_folder_that_is_missing_is_told_before_anything_is_asked(
    doors: Doors, tmp_path: Path
) -> None:
    file = written(tmp_path / "a.jsonl", line("a"))
    found = sluice("submit", file, "--output", str(tmp_path / "none" / "out.jsonl"))
    assert found.exit_code == 2
    assert doors.world.callers.rows == {}


def test_where_there_is_nothing_to_write_that_is_said(doors: Doors, tmp_path: Path) -> None:
    made = doors.create(line("a"))
    found = sluice("get", made.id, "--output", str(tmp_path / "out.jsonl"))
    assert "nothing to write to" in found.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_a_batch_is_cancelled(doors: Doors) -> None:
    made = doors.create(line("a"))
    assert "cancelling" in sluice("cancel", made.id).stdout
    doors.world.pass_time(1_200)
    again = sluice("cancel", made.id)
    assert (again.exit_code, again.stderr[:5]) == (1, "400: ")


def test_a_list_fits_80_columns_and_folds_no_id(doors: Doors) -> None:
    made = []
    for number in range(2):
        made.append(doors.create(*(line(f"l{number}-{m}") for m in range(12))).id)
        doors.world.now += 1
    doors.world.pass_time(1_200)
    found = sluice("list")
    lines = found.stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    rows = [line.split() for line in lines if "batch_" in line]
    assert [row[0] for row in rows if "12/12" in row] == made[::-1]
    assert {row[0] for row in rows} == set(made)
