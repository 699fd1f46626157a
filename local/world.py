"""The whole local world: start, the facts a client needs, an end that leaves nothing behind.

Stages: take the ports and the state directory; lay the ground (start the stand-ins for AWS and
the providers, run the program against them, fill its secrets); start the router's processes and
the loops; open the doors; write ``local.json``. Leaving undoes them in reverse, also when a
stage in the middle failed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from socket import socket
from typing import Any

from local import declared, differences, loopback
from local.aws import DIFFERENCES as AWS_DIFFERENCES
from local.bare_python import bare_python
from local.control import Control
from local.deploy import DIFFERENCES as DEPLOY_DIFFERENCES
from local.front_door import FrontDoor
from local.ground import Ground, WorldSettings, lay_ground
from local.instance import Launch, start_instance
from local.invocation import Invoker
from local.router_pool import RouterPool
from local.state import State
from local.telemetry import Telemetry
from local.ttl_sweeper import TtlSweeper

ALL_DIFFERENCES = (*differences.DIFFERENCES, *DEPLOY_DIFFERENCES, *AWS_DIFFERENCES)
BUNDLED_DIFFERENCES = tuple(
    differences.FROM_BUNDLE if each == differences.FROM_CHECKOUT else each
    for each in ALL_DIFFERENCES
)

# The developer's own AWS profile must not reach a function, and there is no metadata service.
NO_OTHER_AWS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class World:
    """A running local world."""

    settings: WorldSettings
    ground: Ground
    telemetry: Telemetry
    sweeper: TtlSweeper
    pool: RouterPool
    api_key: str
    endpoint: str
    control_url: str

    def facts(self) -> dict[str, object]:
        """Return what ``local.json`` holds."""
        return {
            "endpoint": self.endpoint,
            "api_key": self.api_key,
            "region": self.settings.region,
            "aws_endpoint_url": self.ground.admin.endpoint_url,
            "outputs": dict(self.ground.deployment.outputs),
            "control_url": self.control_url,
        }

    @property
    def differences(self) -> tuple[str, ...]:
        """How this world differs from AWS, a sentence each."""
        return BUNDLED_DIFFERENCES if self.settings.bundle else ALL_DIFFERENCES

    async def broken(self) -> str:
        """Wait until a stand-in dies, which ends the world's usefulness; returns the reason."""
        return await self.ground.stand_ins.first_end()


@asynccontextmanager
async def running(settings: WorldSettings) -> AsyncIterator[World]:
    """Run a world on this event loop.

    Raises ``PortBusy`` or ``StateInUse`` before anything is started, and ``ChildFailed``,
    ``InstanceFailed`` or what the program raises, with everything stopped again.
    """
    async with AsyncExitStack() as stack:
        yield await _start(settings, stack)


async def _start(settings: WorldSettings, stack: AsyncExitStack) -> World:
    listener, control_listener = _bind(settings.port, stack), _bind(0, stack)
    state = State(settings.state.resolve())
    stack.enter_context(state.take())
    ground = await lay_ground(settings, state, stack)
    telemetry, sweeper = _start_loops(settings, ground, stack)
    pool = _pool(settings, ground, telemetry, stack)
    demo_key = asyncio.to_thread(
        settings.create_demo_key, ground.deployment, ground.admin.endpoint_url
    )
    api_key, _ = await asyncio.gather(demo_key, pool.open())
    world = World(
        settings=settings,
        ground=ground,
        telemetry=telemetry,
        sweeper=sweeper,
        pool=pool,
        api_key=api_key,
        endpoint=loopback.url_of(listener),
        control_url=loopback.url_of(control_listener),
    )
    _open(_front_door(world), listener, stack)
    _open(_control(world).application(), control_listener, stack)
    state.write_facts(world.facts())
    stack.callback(state.forget_facts)
    return world


def _start_loops(
    settings: WorldSettings, ground: Ground, stack: AsyncExitStack
) -> tuple[Telemetry, TtlSweeper]:
    function = ground.function
    telemetry = Telemetry(
        directory=ground.state.logs,
        log_groups={function.name: function.log_group},
        logs=ground.admin.logs,
        cloudwatch=ground.admin.cloudwatch,
        report=settings.report,
    )
    sweeper = TtlSweeper(
        dynamodb=ground.admin.dynamodb,
        tables=declared.expiring_tables(ground.deployment.resources),
        clock=ground.clock,
        report=settings.report,
        delay_seconds=settings.ttl_delay_seconds,
    )
    for loop in (telemetry.run(), sweeper.run()):
        _in_background(loop, settings, stack)
    return telemetry, sweeper


def _in_background(
    loop: Coroutine[Any, Any, None], settings: WorldSettings, stack: AsyncExitStack
) -> None:
    task = asyncio.create_task(loop)

    def tell(ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and (error := ended.exception()):
            settings.report(f"a loop of the local world ended: {error!r}")

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    task.add_done_callback(tell)
    stack.push_async_callback(end)


def _pool(
    settings: WorldSettings, ground: Ground, telemetry: Telemetry, stack: AsyncExitStack
) -> RouterPool:
    function = ground.function
    launch = Launch(
        function=function,
        code=settings.bundle or settings.checkout,
        region=settings.region,
        additions=_additions(settings, ground),
        credentials=lambda: ground.admin.role_credentials(function.role_arn, function.name),
        sink=telemetry.line,
    )
    pool = RouterPool(lambda: start_instance(launch), settings.limits, settings.report)
    stack.push_async_callback(pool.close)
    return pool


def _additions(settings: WorldSettings, ground: Ground) -> dict[str, str]:
    simulator = ground.stand_ins.simulator_url
    return {
        **NO_OTHER_AWS,
        "AWS_ENDPOINT_URL": ground.admin.endpoint_url,
        "SLUICE_CLOCK_FILE": str(ground.state.clock),
        **({"SLUICE_UPSTREAM_URL": simulator} if simulator else {}),
        **(_only_the_bundle(ground.state) if settings.bundle else {}),
        **settings.router_environment,
    }


def _only_the_bundle(state: State) -> dict[str, str]:
    return {"PATH": os.pathsep.join([str(bare_python(state.bare_python)), "/usr/bin", "/bin"])}


def _front_door(world: World) -> FrontDoor:
    ground = world.ground
    invoker = Invoker(ground.function, world.pool, ground.clock, world.settings.report)
    return FrontDoor(declared.gateway(ground.deployment.resources), invoker, ground.clock)


def _control(world: World) -> Control:
    ground = world.ground
    return Control(
        clock_file=ground.clock_file,
        clock=ground.clock,
        sweeper=world.sweeper,
        telemetry=world.telemetry,
        instances=lambda: world.pool.instances,
        differences=world.differences,
        ignored=ground.deployment.ignored,
        aws_url=ground.stand_ins.aws_url,
        simulator_url=ground.stand_ins.simulator_url,
    )


def _bind(port: int, stack: AsyncExitStack) -> socket:
    return stack.enter_context(loopback.bind(port))


def _open(application: Any, listener: socket, stack: AsyncExitStack) -> None:
    server = loopback.serve(application, listener)
    stack.push_async_callback(server.close)
