"""``sluice ask --deadline``: ids of jobs at once, answers for who waits or asks with ``--job``."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.ask import Question
from cli.ask_later import ask_later
from cli.connection import Gateway as GatewayOf
from cli.main import commands

JOB = "job_" + "0" * 32
COMPLETION = {"choices": [{"message": {"role": "assistant", "content": "A wall in a river."}}]}


class Gateway(BaseHTTPRequestHandler):
    """Accepts calls with a deadline, and ends them at the second look."""

    asked: list[tuple[str, str | None]] = []  # noqa: RUF012 - one server at a time
    ends: dict[str, Any] = {}  # noqa: RUF012
    faults: list[int] = []  # noqa: RUF012
    """Statuses of the next answers; 0 hangs up."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if self._fails():
            return
        self.asked.append((self.path, self.headers["x-sluice-deadline"]))
        if self.headers["x-sluice-deadline"] == "soon":
            self._answer(400, {"error": {"message": "no such time"}})
        else:
            self._answer(202, {"id": JOB, "status": "queued"})

    def do_GET(self) -> None:
        if self._fails():
            return
        looks = sum(path.startswith("/v1/jobs") for path, _ in self.asked)
        self.asked.append((self.path, None))
        going = {"id": JOB, "status": "assigned", "deadline": 1_795_348_800}
        going |= {"result": None, "error": None}
        self._answer(200, going | (self.ends if looks else {}))

    def _fails(self) -> bool:
        if not self.faults:
            return False
        if status := self.faults.pop(0):
            self._answer(status, {"error": {"message": "not now"}})
        else:
            self.close_connection = True
        return True

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("x-sluice-cost-usd", "0.0000125")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    Gateway.asked.clear()
    Gateway.faults.clear()
    Gateway.ends = {"status": "done", "result": COMPLETION}
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", "slc_dev_demo_x")
    monkeypatch.setattr("time.sleep", lambda _: None)


def ask(endpoint: str, *words: str) -> Result:
    asked = ["ask", "What is a weir?", "--endpoint", endpoint, *words]
    return CliRunner().invoke(commands(), asked)


def test_a_question_with_a_deadline_prints_the_id_of_its_job(endpoint: str) -> None:
    result = ask(endpoint, "--deadline", "2h")
    assert (result.exit_code, result.stdout) == (0, JOB + "\n")
    assert Gateway.asked == [("/v1/chat/completions", "2h")]
    last = result.stderr.splitlines()[-1]
    assert last == f"Fetch its answer with: sluice ask --job {JOB} --wait --endpoint {endpoint}"


def test_who_waits_gets_the_answer_and_what_it_cost(endpoint: str) -> None:
    result = ask(endpoint, "--deadline", "2h", "--wait")
    assert (result.exit_code, result.stdout) == (0, f"{JOB}\nA wall in a river.\n")
    assert "0.0000125" in result.stderr
    assert [path for path, _ in Gateway.asked[1:]] == [f"/v1/jobs/{JOB}?wait=60"] * 2


def test_json_has_the_job_and_then_its_end(endpoint: str) -> None:
    result = ask(endpoint, "--deadline", "2h", "--wait", "--json")
    accepted, ended = map(json.loads, result.stdout.splitlines())
    assert (accepted["status"], ended["status"]) == ("queued", "done")
    assert ended["notes"]["cost_usd"] == "0.0000125"


def test_a_job_that_failed_says_why(endpoint: str) -> None:
    Gateway.ends = {"status": "failed", "error": {"message": "openai lost the call."}}
    result = ask(endpoint, "--deadline", "2h", "--wait")
    assert (result.exit_code, result.stdout) == (1, JOB + "\n")
    assert "openai lost the call." in result.stderr


def test_a_file_waits_while_the_gateway_limits_its_rate(endpoint: str, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text('{"prompt": "a"}\n{"prompt": "b"}\n', encoding="utf-8")
    Gateway.faults += [429, 429]
    words = ["ask", "--file", str(file), "--endpoint", endpoint, "--deadline", "2h"]
    result = CliRunner().invoke(commands(), words)
    assert (result.exit_code, result.stdout) == (0, f"{JOB}\n{JOB}\n")
    assert f"by their ids, the first with: sluice ask --job {JOB}" in result.stderr


def test_a_gateway_that_is_away_ends_no_wait(endpoint: str) -> None:
    target = GatewayOf(endpoint, "slc_dev_demo_x")
    with patch("cli.ask_later._accepted", return_value=JOB), patch("cli.ask_later.err") as err:
        Gateway.faults += [0, 503, 500, 429]
        ask_later(target, [Question("x", "auto")], wait=True, as_json=False)
    said = [str(call.args[0]) for call in err.print.call_args_list]
    assert ["trying again" in each for each in said] == [True, False], "it is said once"


def test_a_job_that_is_not_told_of_ends_no_wait_for_others(endpoint: str) -> None:
    with patch("cli.ask_later._accepted", side_effect=["job_gone", JOB]):
        Gateway.faults += [404]
        target = GatewayOf(endpoint, "slc_dev_demo_x")
        with pytest.raises(typer.Exit):
            ask_later(target, [Question("x", "auto")] * 2, wait=True, as_json=False)
    assert Gateway.asked[-1] == (f"/v1/jobs/{JOB}?wait=60", None)


def test_who_stops_waiting_is_told_what_goes_on_and_how_to_get_it(endpoint: str) -> None:
    with patch("cli.ask_later._looked", side_effect=KeyboardInterrupt):
        result = ask(endpoint, "--deadline", "2h", "--wait")
    assert (result.exit_code, result.stdout) == (130, JOB + "\n")
    assert result.stderr.splitlines()[1] == JOB
    assert f"sluice ask --job {JOB} --wait --endpoint {endpoint}" in result.stderr


@pytest.mark.parametrize("said", [{"tool_calls": [{"id": "c1"}]}, {"refusal": "I must not."}])
def test_an_answer_without_a_text_is_shown_as_it_is(endpoint: str, said: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": None, **said}
    Gateway.ends = {"status": "done", "result": {"choices": [{"message": message}]}}
    result = ask(endpoint, "--deadline", "2h", "--wait")
    assert json.loads(result.stdout.splitlines()[1]) == said


def test_a_deadline_that_is_none_is_told(endpoint: str) -> None:
    result = ask(endpoint, "--deadline", "soon")
    assert result.exit_code == 1
    assert "no such time" in result.stderr


def test_nobody_waits_for_what_has_no_deadline(endpoint: str) -> None:
    assert ask(endpoint, "--wait").exit_code == 2


def fetch(endpoint: str, *words: str) -> Result:
    asked = ["ask", "--job", JOB, "--endpoint", endpoint, *words]
    return CliRunner().invoke(commands(), asked)


def test_a_job_is_fetched_later_first_as_it_stands_and_then_with_its_answer(endpoint: str) -> None:
    before = fetch(endpoint)
    assert (before.exit_code, before.stdout) == (0, ""), "what is on standard output is the answer"
    assert f"{JOB} is assigned" in before.stderr
    assert "due 2026-11-22 12:00:00 UTC" in before.stderr
    after = fetch(endpoint)
    assert (after.exit_code, after.stdout) == (0, "A wall in a river.\n")
    assert "0.0000125" in after.stderr
    assert [path for path, _ in Gateway.asked] == [f"/v1/jobs/{JOB}"] * 2


def test_a_job_is_waited_for(endpoint: str) -> None:
    result = fetch(endpoint, "--wait")
    assert (result.exit_code, result.stdout) == (0, "A wall in a river.\n")
    assert [path for path, _ in Gateway.asked] == [f"/v1/jobs/{JOB}?wait=60"] * 2


def test_a_job_for_programs_is_what_the_gateway_shows(endpoint: str) -> None:
    before, after = (json.loads(fetch(endpoint, "--json").stdout) for _ in range(2))
    assert (before["status"], before["result"]) == ("assigned", None)
    assert (after["status"], after["result"]) == ("done", COMPLETION)


def test_an_answer_of_the_messages_door_is_its_text(endpoint: str) -> None:
    Gateway.ends = {"status": "done", "result": {"content": [
        {"type": "thinking", "thinking": "a river?"}, {"type": "text", "text": "A wall."},
    ]}}  # fmt: skip
    assert fetch(endpoint, "--wait").stdout == "A wall.\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            {"message": "An operator cancelled this call [for good]."},
            "cancelled this call [for good]",
        ),
        (None, "kept no more"),
    ],
)
def test_a_job_without_an_answer_says_why(
    endpoint: str, error: dict[str, str] | None, told: str
) -> None:
    Gateway.ends = {"status": "failed" if error else "delivered", "error": error}
    result = fetch(endpoint, "--wait")
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


@pytest.mark.parametrize("status", [404, 503])
def test_a_job_that_is_not_told_of_is_no_answer(endpoint: str, status: int) -> None:
    Gateway.faults += [status]
    result = fetch(endpoint)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{JOB}: {status}: not now" in result.stderr


@pytest.mark.parametrize(
    "words", [("What is a weir?",), ("--deadline", "2h"), ("--model", "nano"), ("--task", "qa")]
)
def test_a_job_is_not_asked_again(endpoint: str, words: tuple[str, ...]) -> None:
    assert fetch(endpoint, *words).exit_code == 2
    assert Gateway.asked == []
