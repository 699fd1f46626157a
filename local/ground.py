"""The ground of a local world: the stand-ins, the program run against them, its secrets filled.

The settings of a world stand here too, because every stage reads them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from local import declared
from local.admin import Admin
from local.clock_file import ClockFile
from local.deploy import Deployment, Transform, deploy
from local.provider_keys import fill_secrets, simulator_keys
from local.router_pool import PoolLimits
from local.stand_ins import StandIns, start_stand_ins
from local.state import State
from shared.clock import Clock, offset_clock
from shared.resources import PROJECT

CHECKOUT = Path(__file__).parents[1]

CreateDemoKey = Callable[[Deployment, str], str]
"""Creates a gateway key; takes the deployment and the AWS endpoint's URL. Runs in a thread."""


@dataclass(frozen=True)
class WorldSettings:
    """One local world. Two worlds need two state directories; port 0 takes any free port.

    ``real_keys`` maps providers to keys, and then real providers are called; without it the
    simulator stands in for all of them. ``transform`` goes to ``local.deploy.deploy`` (tests
    change a declared resource with it) and ``router_environment`` to every router process.
    ``bundle`` is the folder of the router's unzipped bundle; without it the checkout answers.
    """

    state: Path
    create_demo_key: CreateDemoKey
    report: Callable[[str], None]
    stack_file: Path = CHECKOUT / "Pulumi.dev.yaml"
    program: Path = CHECKOUT / "infra"
    checkout: Path = CHECKOUT
    bundle: Path | None = None
    region: str = "us-east-1"
    port: int = 0
    real_keys: Mapping[str, str] | None = None
    transform: Transform | None = None
    router_environment: Mapping[str, str] = field(default_factory=dict)
    limits: PoolLimits = field(default_factory=PoolLimits)
    ttl_delay_seconds: float = 0.0


@dataclass(frozen=True)
class Ground:
    """What the running parts stand on: the stand-ins and the deployed resources."""

    state: State
    stand_ins: StandIns
    deployment: Deployment
    admin: Admin
    clock_file: ClockFile
    clock: Clock
    function: declared.Function


async def lay_ground(settings: WorldSettings, state: State, stack: AsyncExitStack) -> Ground:
    """Start the stand-ins and deploy; raises ``ChildFailed`` or what the program raises."""
    clock_file = ClockFile(state.clock)
    clock_file.reset()
    simulated = settings.real_keys is None
    stand_ins = await start_stand_ins(stack, state, settings.checkout, simulator=simulated)
    deployment = await _deploy(settings, stand_ins.aws_url)
    admin = Admin(stand_ins.aws_url, settings.region)
    await asyncio.to_thread(_fill_secrets, settings, admin, deployment)
    return Ground(
        state=state,
        stand_ins=stand_ins,
        deployment=deployment,
        admin=admin,
        clock_file=clock_file,
        clock=offset_clock(state.clock),
        function=declared.function(deployment.resources, deployment.outputs["router_function"]),
    )


async def _deploy(settings: WorldSettings, aws_url: str) -> Deployment:
    work = asyncio.create_task(
        deploy(
            settings.program,
            settings.stack_file,
            project=PROJECT,
            aws_endpoint_url=aws_url,
            region=settings.region,
            transform=settings.transform,
        )
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # The program runs in a thread that cannot be stopped: the stand-in must outlive it.
        await asyncio.wait([work])
        raise


def _fill_secrets(settings: WorldSettings, admin: Admin, deployment: Deployment) -> None:
    arns = deployment.outputs["provider_secrets"]
    keys = simulator_keys(arns) if settings.real_keys is None else settings.real_keys
    fill_secrets(admin.secretsmanager, arns, keys)
