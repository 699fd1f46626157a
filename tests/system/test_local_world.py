"""The whole local world: what a start leaves, what a stop leaves, what it refuses."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from local.background import world_in_background
from local.ground import CHECKOUT, WorldSettings
from local.loopback import PortBusy
from local.state import State, StateInUse
from local.world import World, running

if TYPE_CHECKING:
    from local.deploy import Deployment


pytestmark = pytest.mark.system

UP = [sys.executable, "-c", "from cli.main import main; main()", "up", "--port"]


def _no_key(_: Deployment, __: str) -> str:
    return "slc_demo"


def _settings(state: Path, port: int = 0) -> WorldSettings:
    return WorldSettings(state=state, create_demo_key=_no_key, report=pytest.fail, port=port)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run one world for this module, with a real key in this shell that must not leak."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-of-this-shell")
        with world_in_background(_settings(tmp_path_factory.mktemp("world"))) as started:
            yield started


def test_the_facts_file_names_every_address_and_is_the_users_alone(world: World) -> None:
    file = world.settings.state / "local.json"
    facts = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert facts == json.loads(json.dumps(world.facts()))
    assert set(facts) == {
        "endpoint", "api_key", "region", "aws_endpoint_url", "outputs", "control_url",
    }  # fmt: skip


def test_the_router_answers_at_the_endpoint_and_stands_still_afterwards(world: World) -> None:
    assert httpx2.get(f"{world.endpoint}/health", trust_env=False).status_code == 200
    routers = httpx2.get(f"{world.control_url}/routers", trust_env=False).json()
    assert len(routers) >= 2
    assert {router["kernel_state"] for router in routers} == {"T"}


def test_the_router_has_its_roles_credentials_and_no_key_in_its_environment(world: World) -> None:
    raw = Path(f"/proc/{world.pool.instances[0].pid}/environ").read_bytes().decode()
    environment = dict(line.split("=", 1) for line in raw.split("\0") if line)
    assert "SLUICE_LEDGER_TABLE" in environment
    assert environment["AWS_SESSION_TOKEN"]
    assert "sk-of-this-shell" not in raw
    assert "sk-simulator-" not in raw


def test_each_provider_secret_holds_an_invented_key(world: World) -> None:
    arns = world.ground.deployment.outputs["provider_secrets"]
    assert arns
    for arn in arns.values():
        secret = world.ground.admin.secretsmanager.get_secret_value(SecretId=arn)
        assert secret["SecretString"].startswith("sk-simulator-")


def test_a_second_world_on_the_same_state_or_port_is_refused_before_it_starts(
    world: World, tmp_path: Path
) -> None:
    async def start(settings: WorldSettings) -> None:
        async with running(settings):
            pytest.fail("it started")

    with pytest.raises(StateInUse, match="another local world"):
        asyncio.run(start(_settings(world.settings.state)))
    taken = int(world.endpoint.rpartition(":")[2])
    with pytest.raises(PortBusy, match=f"port {taken} "):
        asyncio.run(start(_settings(tmp_path / "state", taken)))
    assert not (tmp_path / "state").exists()


def test_the_state_is_free_again_after_its_world(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.take().close()
    state.take().close()


def test_a_busy_port_is_one_clear_line_and_exit_status_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = subprocess.run(  # noqa: S603 our own program
            [*UP, str(port)], capture_output=True, text=True, cwd=CHECKOUT, check=False
        )
    assert up.returncode == 1
    assert up.stdout.strip() == f"port {port} on 127.0.0.1 is in use by another program"


def test_ctrl_c_stops_every_process(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    ) as up:
        try:
            assert up.stdout is not None
            assert any("Ctrl-C" in line for line in up.stdout)
            children = _children(up.pid)
            assert len(children) >= 4
            up.send_signal(signal.SIGINT)
            assert up.wait(timeout=60) == 0
        finally:
            up.kill()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert not (tmp_path / "local.json").exists()


INTERRUPTED = """
import sys
from pathlib import Path
from cli import up
up.STATE = Path(sys.argv[1])
up.up(real=False, bundle=False, stacks=["dev"], port=0, create_demo_key=lambda *_: "slc_demo")
"""


def _children(parent: int) -> list[int]:
    processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [int(process.name) for process in processes if _parent(process) == parent]


def _parent(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it ended meanwhile
        return None
