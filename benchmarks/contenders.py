"""Who is measured: the router, the router of an earlier revision, the floor and a rival.

Each is a real server process. A contender knows how it is started and how it is asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import Command
from benchmarks.scenarios import COMPARED, SCENARIOS, Scenario
from benchmarks.world import ROOT, World, python_environment

ROUTER: Final = "router"
BEFORE: Final = "before"
FLOOR: Final = "floor"
RIVAL: Final = "rival"

_CHAT: Final = "/v1/chat/completions"
# The same server with the same settings as functions/router/run.sh starts.
_FLOOR_SERVER: Final = [
    "-u",
    "-m",
    "uvicorn",
    "benchmarks.floor:create",
    "--factory",
    "--host",
    "127.0.0.1",
    "--loop",
    "asyncio",
    "--http",
    "h11",
    "--no-access-log",
    "--log-level",
    "warning",
    "--no-server-header",
    "--no-date-header",
    "--port",
]


@dataclass(frozen=True)
class Contender:
    """One of those who are measured.

    ``command`` takes a port. ``requests`` holds the bytes of a whole HTTP request for each
    scenario that the contender takes part in. One with ``one_at_a_time`` has a process for
    each caller, as Lambda has.
    """

    name: str
    about: str
    world: World
    command: Callable[[int], Command]
    requests: Mapping[str, bytes]
    one_at_a_time: bool = True


def router(name: str, about: str, checkout: Path, world: World) -> Contender:
    """Return the router of a checkout, started by its own start script as on AWS."""
    if world.prepared is None:
        raise ValueError("a router needs rows")
    own = world.prepared["environment"]
    key = {"authorization": f"Bearer {world.prepared['key']}"}

    def command(port: int) -> Command:
        return Command(
            [str(checkout / "functions/router/run.sh")],
            checkout,
            {**python_environment(checkout), **own, **_aws(world, checkout), **_port(port)},
        )

    requests = {
        each.name: http_request(_CHAT, each.body, key if each.has_key else {})
        for each in SCENARIOS.values()
    }
    return Contender(name, about, world, command, requests)


def floor(world: World) -> Contender:
    """Return the floor on our own server."""
    provider = {"FLOOR_PROVIDER": f"{world.url}/openai/v1/chat/completions"}

    def command(port: int) -> Command:
        program = [sys.executable, *_FLOOR_SERVER, str(port)]
        return Command(program, ROOT, {**python_environment(ROOT), **provider})

    requests = {name: http_request(f"/{name}", SCENARIOS[name].body, {}) for name in COMPARED}
    return Contender(FLOOR, "the same server doing nothing", world, command, requests)


def rival(venv: Path, world: World, settings: Path) -> Contender:
    """Return LiteLLM's proxy from an environment of its own, caching in its memory.

    ``settings`` is where its configuration is written. It serves all callers in one process.
    """
    settings.write_text(json.dumps(_rival_settings(world)), encoding="utf-8")

    def command(port: int) -> Command:
        program = [str(venv / "bin/litellm"), "--config", str(settings), "--port", str(port)]
        environment = {
            "PATH": f"{venv}/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(settings.parent),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "NO_DOCS": "True",
        }
        health = "/health/liveliness"
        return Command([*program, "--host", "127.0.0.1"], settings.parent, environment, health)

    requests = {name: _rival_request(SCENARIOS[name]) for name in COMPARED}
    about = "LiteLLM's proxy, cache in memory, no database"
    return Contender(RIVAL, about, world, command, requests, one_at_a_time=False)


def http_request(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """Return the bytes of a POST on a kept connection."""
    content = json.dumps(body, separators=(",", ":")).encode()
    fields = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        "content-length": str(len(content)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def _aws(world: World, checkout: Path) -> dict[str, str]:
    """Return what Lambda sets, with the canned world in the place of AWS."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIACANNED",
        "AWS_SECRET_ACCESS_KEY": "canned",
        "AWS_SESSION_TOKEN": "canned",
        "AWS_ENDPOINT_URL": world.url,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "sluice-bench-router",
        "LAMBDA_TASK_ROOT": str(checkout),
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "TZ": ":UTC",
    }


def _port(port: int) -> dict[str, str]:
    return {"AWS_LWA_PORT": str(port)}


def _rival_request(scenario: Scenario) -> bytes:
    is_stored = scenario.name.startswith("hit")
    stays_out = {} if is_stored else {"cache": {"no-cache": True, "no-store": True}}
    body = scenario.body | {"model": "gpt-6-luna"} | stays_out
    return http_request(_CHAT, body, {"authorization": "Bearer sk-rival"})


def _rival_settings(world: World) -> dict[str, Any]:
    return {
        "model_list": [
            {
                "model_name": "gpt-6-luna",
                "litellm_params": {
                    "model": "openai/gpt-6-luna",
                    "api_base": f"{world.url}/openai/v1",
                    "api_key": "sk-canned",
                },
            }
        ],
        "litellm_settings": {
            "cache": True,
            "cache_params": {"type": "local"},
            "telemetry": False,
            "num_retries": 0,
        },
        "general_settings": {"master_key": "sk-rival"},
    }
