"""One deployed stack that answers: its router's processes, its telemetry, its front door.

Several live in one world beside each other, on one ground; none knows of another.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from socket import socket
from typing import Any

from local import declared, loopback
from local.bare_python import bare_python
from local.declared import Function
from local.front_door import FrontDoor
from local.functions import Functions
from local.ground import DeployedStack, Ground, WorldSettings
from local.instance import Instance, Launch
from local.instance_pool import InstancePool
from local.invocation import Invoker
from local.live_functions import LiveFunctions, Surroundings, functions_of
from local.runtime_client import runtime_client
from local.service_series import ServiceSeries, service_series
from local.signals import Signals, signals_of
from local.state import State
from local.telemetry import Telemetry
from local.ttl_sweeper import TtlSweeper
from local.web_instance import WebInstance, start_web_instance
from shared.resources import resource_name

COLLECTING = "collector-collect"
"""The role of the schedule that makes the collector look at open batches."""
WAITING_SPEEDUP = 300
"""How many times as fast deferred calls wait for company, and ask for their batches: seconds, where
the simulator's batches end within seconds too."""
# The developer's own AWS profile must not reach a function, and there is no metadata service.
NO_OTHER_AWS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class LiveStack:
    """A stack behind its endpoint, and a demo key for it."""

    deployed: DeployedStack
    telemetry: Telemetry
    sweeper: TtlSweeper
    pool: InstancePool[WebInstance]
    live: LiveFunctions
    signals: Signals
    endpoint: str
    api_key: str

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.deployed.name

    @property
    def instances(self) -> Sequence[Instance]:
        """The router's processes."""
        return self.pool.instances

    @property
    def functions(self) -> Functions:
        """The plain functions, for whoever has an event for one of them."""
        return self.live.functions

    async def restart(self) -> None:
        """Put new processes in the place of those that run; what they stored stays."""
        await self.pool.renew()
        await self.live.functions.restart()

    def facts(self) -> dict[str, object]:
        """Return what a client needs to know of this stack."""
        return {
            "endpoint": self.endpoint,
            "api_key": self.api_key,
            "region": self.deployed.admin.region,
            "outputs": dict(self.deployed.deployment.outputs),
        }


async def start_stack(
    settings: WorldSettings,
    ground: Ground,
    deployed: DeployedStack,
    listener: socket,
    stack: AsyncExitStack,
) -> LiveStack:
    """Start the processes and loops of one stack and open its door on a bound socket.

    The ends are left on ``stack``. Raises ``InstanceFailed`` or what the demo key's maker raises.
    """
    telemetry, sweeper = _start_loops(settings, ground, deployed, stack)
    launch = _launches(settings, ground, deployed, telemetry)
    pool = _pool(settings, launch(deployed.function), stack)
    series = _series(deployed, telemetry)
    around = Surroundings(
        launch, ground.clock, settings.report, series.invoked, _periods(settings, deployed)
    )
    live = functions_of(deployed, around)
    stack.push_async_callback(live.functions.close)
    signals = _signals(settings, ground, deployed, telemetry, live.functions, series)
    url = deployed.admin.endpoint_url
    demo_key = asyncio.to_thread(settings.create_demo_key, deployed.deployment, url)
    api_key, _ = await asyncio.gather(demo_key, pool.open())
    for loop in (*live.loops(), signals.run()):
        _in_background(loop, settings, stack)
    invoker = Invoker(deployed.function, pool, ground.clock, settings.report, series.invoked)
    gateway = declared.gateway(deployed.deployment.resources)
    door = FrontDoor(gateway, invoker, ground.clock, observe=series.answered)
    server = loopback.serve(door, listener)
    stack.push_async_callback(server.close)
    endpoint = loopback.url_of(listener)
    return LiveStack(deployed, telemetry, sweeper, pool, live, signals, endpoint, api_key)


def _periods(settings: WorldSettings, deployed: DeployedStack) -> dict[str, float]:
    if settings.collector_seconds is None:
        return {}
    return {resource_name(deployed.name, COLLECTING): settings.collector_seconds}


def _series(deployed: DeployedStack, telemetry: Telemetry) -> ServiceSeries:
    resources = deployed.deployment.resources
    functions = (deployed.function, *declared.plain_functions(resources))
    return service_series(resources, functions, telemetry.count)


def _signals(
    settings: WorldSettings,
    ground: Ground,
    deployed: DeployedStack,
    telemetry: Telemetry,
    functions: Functions,
    series: ServiceSeries,
) -> Signals:
    return signals_of(
        deployed.deployment.resources,
        deployed.admin,
        ground.clock,
        telemetry,
        functions,
        series,
        settings.report,
    )


def _start_loops(
    settings: WorldSettings, ground: Ground, deployed: DeployedStack, stack: AsyncExitStack
) -> tuple[Telemetry, TtlSweeper]:
    admin = deployed.admin
    plain = declared.plain_functions(deployed.deployment.resources)
    telemetry = Telemetry(
        directory=ground.state.logs,
        log_groups={each.name: each.log_group for each in (deployed.function, *plain)},
        logs=admin.logs,
        cloudwatch=admin.cloudwatch,
        report=settings.report,
    )
    sweeper = TtlSweeper(
        url=admin.endpoint_url,
        tables=declared.expiring_tables(deployed.deployment.resources),
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
    settings: WorldSettings, launch: Launch, stack: AsyncExitStack
) -> InstancePool[WebInstance]:
    pool = InstancePool(lambda: start_web_instance(launch), settings.limits, settings.report)
    stack.push_async_callback(pool.close)
    return pool


def _launches(
    settings: WorldSettings, ground: Ground, deployed: DeployedStack, telemetry: Telemetry
) -> Callable[[Function], Launch]:
    admin = deployed.admin

    def launch(function: Function) -> Launch:
        bundle = settings.bundles.get(function.bundle)
        return Launch(
            function=function,
            code=bundle or settings.checkout,
            region=admin.region,
            additions=_additions(settings, ground, function, from_bundle=bundle is not None),
            credentials=lambda: admin.role_credentials(function.role_arn, function.name),
            sink=telemetry.line,
        )

    return launch


def _additions(
    settings: WorldSettings, ground: Ground, function: Function, *, from_bundle: bool
) -> dict[str, str]:
    simulator = ground.stand_ins.simulator_url
    return {
        **NO_OTHER_AWS,
        "AWS_ENDPOINT_URL": ground.stand_ins.aws_url,
        "SLUICE_CLOCK_FILE": str(ground.state.clock),
        **(_simulated(simulator) if simulator else {}),
        **(_only_the_bundle(ground.state, function) if from_bundle else {}),
        **(settings.router_environment if function.is_web else {}),
    }


def _simulated(simulator: str) -> dict[str, str]:
    return {"SLUICE_UPSTREAM_URL": simulator, "SLUICE_BATCH_SPEEDUP": str(WAITING_SPEEDUP)}


def _only_the_bundle(state: State, function: Function) -> dict[str, str]:
    path = os.pathsep.join([str(bare_python(state.bare_python)), "/usr/bin", "/bin"])
    # A start script names its own folder; what runs a handler is not in the bundle.
    client = {} if function.is_web else {"PYTHONPATH": str(runtime_client(state.runtime_client))}
    return {"PATH": path, **client}
