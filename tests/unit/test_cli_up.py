"""What ``sluice up`` says at its start, and how it tells of its differences from AWS."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli import connection, up
from cli.main import commands
from local.differences import ALL, ON_A_BUNDLE
from local.world import World

STACK = SimpleNamespace(endpoint="http://127.0.0.1:8080", api_key="slc_dev_demo_x", name="dev")
IGNORED = "aws:lambda/function:Function router: layers"


def world(**settings: Any) -> World:
    found = SimpleNamespace(
        settings=SimpleNamespace(bundles=settings),
        stacks=(STACK,),
        endpoint=STACK.endpoint,
        api_key=STACK.api_key,
        control_url="http://127.0.0.1:9000",
        ignored=(IGNORED, "another"),
        differences=ALL,
    )
    return cast("World", found)


def test_the_start_says_how_to_call_and_in_one_line_how_it_differs() -> None:
    out = io.StringIO()
    up._welcome(Console(file=out, width=80, highlight=False), world())
    text = out.getvalue()
    assert len(text.splitlines()) < 12
    assert f'base_url="{STACK.endpoint}/v1", api_key="{STACK.api_key}"' in text
    assert f'anthropic.Anthropic(base_url="{STACK.endpoint}", api_key=' in text
    [curl] = [line.split() for line in text.splitlines() if line.startswith("curl ")]
    assert curl[1] == f"{STACK.endpoint}/v1/chat/completions"
    [line] = [line for line in text.splitlines() if "Differs" in line]
    assert f"in {len(ALL)} ways, and ignores 2 declared properties" in line
    assert "docs/local.md" in line
    assert "sluice up --differences" in line
    assert not any(each in text for each in (*ALL, IGNORED))


@pytest.mark.parametrize("named", ["SLUICE_ENDPOINT", "SLUICE_API_KEY"])
def test_what_is_to_be_called_is_this_world_whatever_the_environment_names(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(named, "another's")
    [(_, line), *_] = up._ways_to_call(world())
    assert line == f'env -u {named} .venv/bin/sluice ask "What is a sluice?"'


def test_a_bundle_has_as_many_differences_of_which_one_is_its_own() -> None:
    assert len(ON_A_BUNDLE) == len(ALL)
    assert len(set(ON_A_BUNDLE) - set(ALL)) == 1


def test_without_a_world_all_differences_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCAL_FACTS", tmp_path / "local.json")
    assert_all_listed(ignored=False)


def test_facts_of_a_world_that_is_gone_keep_nothing_from_being_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(tmp_path, monkeypatch, "http://127.0.0.1:1")
    assert_all_listed(ignored=False)


def test_what_a_running_world_ignores_is_listed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(ControlServer) as url:
        remember(tmp_path, monkeypatch, url)
        assert_all_listed(ignored=True)


def test_another_server_on_the_port_of_a_world_that_is_gone_keeps_nothing_from_being_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(BaseHTTPRequestHandler) as url:
        remember(tmp_path, monkeypatch, url)
        assert_all_listed(ignored=False)


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of this machine; yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class ControlServer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert self.path == "/differences"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"differences": list(ALL), "ignored": [IGNORED]}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def remember(folder: Path, monkeypatch: pytest.MonkeyPatch, control_url: str) -> None:
    file = folder / "local.json"
    facts = {"control_url": control_url, "outputs": {"environment": "dev"}}
    file.write_text(json.dumps(facts), encoding="utf-8")
    monkeypatch.setattr(connection, "LOCAL_FACTS", file)


def assert_all_listed(*, ignored: bool) -> None:
    shown = CliRunner().invoke(commands(), ["up", "--differences"])
    assert shown.exit_code == 0, shown.output
    lines = [line.removeprefix("- ") for line in shown.stdout.splitlines() if line[:2] == "- "]
    assert lines == [*ALL, *([IGNORED] if ignored else [])]
