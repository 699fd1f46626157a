"""What one team has is, to another, as if it were not: on every route, whatever id is tried."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.conftest import Gateway, make_gateway, run

LINE = {
    "custom_id": "a",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {
        "model": "gpt-6-luna",
        "max_completion_tokens": 9,
        "messages": [{"role": "user", "content": "What is a weir?"}],
    },
}
BATCH = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/v1/files/{}", None),
    ("GET", "/v1/files/{}/content", None),
    ("DELETE", "/v1/files/{}", None),
    ("POST", "/v1/uploads/{}/cancel", None),
    ("POST", "/v1/uploads/{}/complete", {"part_ids": ["part_" + "0" * 32]}),
    ("GET", "/v1/batches/{}", None),
    ("POST", "/v1/batches/{}/cancel", None),
    ("GET", "/v1/messages/batches/{}", None),
    ("POST", "/v1/messages/batches/{}/cancel", None),
    ("DELETE", "/v1/messages/batches/{}", None),
    ("GET", "/v1/messages/batches/{}/results", None),
    ("GET", "/v1/jobs/{}", None),
    ("POST", "/v1/batches", {**BATCH, "input_file_id": "{}"}),
]
LISTS = [
    "/v1/files?after={}",
    "/v1/batches?after={}",
    "/v1/messages/batches?after_id={}",
    "/v1/messages/batches?before_id={}",
]
_HEX = re.compile(r"[0-9a-f]{32}")


def ask(gateway: Gateway, team: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Bearer {gateway.keys[team]}"}
    more = {} if body is None else {"json": body}
    return run(gateway.call(method, path, headers=headers, **more))


def asked_for(gateway: Gateway, name: str, route: tuple[str, str, Any]) -> tuple[int, str]:
    """What another team is told of an id, with every id left out."""
    method, path, body = route
    filled = json.loads(json.dumps(body).replace("{}", name))
    answer = ask(gateway, "support", method, path.replace("{}", name), filled)
    return answer.status_code, _HEX.sub("-", answer.text)


@cache
def furnished() -> tuple[Gateway, dict[str, str]]:
    """A gateway, and one of each thing that a team can have, with the path to look it up."""
    gateway = make_gateway("openai", "anthropic")
    key = {"authorization": f"Bearer {gateway.keys['search']}"}
    content = json.dumps(LINE).encode()
    form = {"files": {"file": ("a.jsonl", content)}, "data": {"purpose": "batch"}}
    file = run(gateway.call("POST", "/v1/files", headers=key, **form)).json()["id"]
    upload = {"filename": "a", "purpose": "batch", "bytes": 2, "mime_type": "application/jsonl"}
    params = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": LINE["body"]["messages"]}  # type: ignore[index]
    inline = {"requests": [{"custom_id": "a", "params": params}]}
    later = {**LINE["body"], "model": "auto"}  # type: ignore[dict-item]
    headers = {**key, "x-sluice-deadline": "2h"}
    job = run(gateway.call("POST", "/v1/chat/completions", headers=headers, json=later))
    made = {
        file: "/v1/files/",
        ask(gateway, "search", "POST", "/v1/uploads", upload).json()["id"]: "",
        ask(gateway, "search", "POST", "/v1/batches", {**BATCH, "input_file_id": file}).json()[
            "id"
        ]: "/v1/batches/",
        ask(gateway, "search", "POST", "/v1/messages/batches", inline).json()["id"]: (
            "/v1/messages/batches/"
        ),
        job.json()["id"]: "/v1/jobs/",
    }
    return gateway, made


@given(
    route=st.sampled_from(ROUTES),
    which=st.integers(0, 4),
    random=st.binary(min_size=16, max_size=16),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_id_of_another_team_is_answered_as_one_of_nobodys(
    route: tuple[str, str, Any], which: int, random: bytes
) -> None:
    gateway, made = furnished()
    theirs = list(made)[which]
    nobodys = _HEX.sub(random.hex(), theirs)
    said = asked_for(gateway, theirs, route)
    assert said == asked_for(gateway, nobodys, route)
    assert said[0] in {400, 404}


@pytest.mark.parametrize("route", LISTS)
def test_another_teams_id_as_a_cursor_lists_nothing(route: str) -> None:
    gateway, made = furnished()
    for name in made:
        answer = ask(gateway, "support", "GET", route.replace("{}", name))
        assert answer.status_code == 400 or answer.json()["data"] == []


def test_nobody_elses_tries_have_changed_a_thing() -> None:
    gateway, made = furnished()
    for name in made:
        for route in ROUTES:
            status, _ = asked_for(gateway, name, route)
            assert status in {400, 404}, (name, route)
    for name, path in made.items():
        if path:
            assert ask(gateway, "search", "GET", path + name).status_code in {200, 202}, name
    found = ask(gateway, "search", "GET", "/v1/batches").json()["data"]
    assert [batch["status"] for batch in found] == ["in_progress"]


def test_each_kind_of_thing_is_tried() -> None:
    _, made = furnished()
    prefixes = {re.split("[-_]", name)[0] for name in made}
    assert prefixes == {"file", "upload", "batch", "msgbatch", "job"}
