"""The ground of a local world: the stand-ins, the program run against them, its secrets filled.

Several stacks stand on one ground, as several environments share one AWS account: the program
is run once for each. The settings of a world stand here too, because every stage reads them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from local import declared
from local.admin import Admin
from local.botocore_data import share_botocore_data
from local.clock_file import ClockFile
from local.deploy import Deployment, Transform, deploy
from local.deploy.stack_file import read_stack_file
from local.instance_pool import PoolLimits
from local.provider_keys import fill_secrets, simulator_keys
from local.stand_ins import StandIns, start_stand_ins
from local.state import State
from shared.clock import Clock, offset_clock
from shared.resources import PROJECT

CHECKOUT = Path(__file__).parents[1]

CreateDemoKey = Callable[[Deployment, str], str]
"""Creates a gateway key; takes the deployment and the AWS endpoint's URL. Runs in a thread."""


@dataclass(frozen=True)
class Place:
    """A stack by its ``Pulumi.<stack>.yaml``, and the port it answers on (0: any free one)."""

    stack_file: Path
    port: int = 0


@dataclass(frozen=True)
class WorldSettings:
    """One local world. Two worlds need two state directories; port 0 takes any free port.

    ``stack_file`` and ``port`` are the first stack's, the one that clients meet who name none;
    ``also`` are further stacks in the same world.
    ``real_keys`` maps providers to keys, and then real providers are called; without it the
    simulator stands in for all of them. ``transform`` goes to ``local.deploy.deploy`` (tests
    change a declared resource with it) and ``router_environment`` to every router process.
    ``bundles`` maps names of zips (``router``) to the folders that they were unzipped into; for a
    function whose zip is not among them the checkout answers.
    """

    state: Path
    create_demo_key: CreateDemoKey
    report: Callable[[str], None]
    stack_file: Path = CHECKOUT / "Pulumi.dev.yaml"
    program: Path = CHECKOUT / "infra"
    checkout: Path = CHECKOUT
    bundles: Mapping[str, Path] = field(default_factory=dict)
    port: int = 0
    also: tuple[Place, ...] = ()
    real_keys: Mapping[str, str] | None = None
    transform: Transform | None = None
    router_environment: Mapping[str, str] = field(default_factory=dict)
    limits: PoolLimits = field(default_factory=PoolLimits)
    ttl_delay_seconds: float = 0.0
    ahead_seconds: float = 0.0
    """By how much the world's clock is ahead of the machine's from the start."""
    collector_seconds: float | None = None
    """How often the collector looks at batches, where a person waits for them; else as declared."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Every stack of the world, the first one first."""
        return (Place(self.stack_file, self.port), *self.also)


@dataclass(frozen=True)
class DeployedStack:
    """One stack that stands in the local AWS, and its operator's clients in its region."""

    deployment: Deployment
    admin: Admin
    function: declared.Function

    @property
    def name(self) -> str:
        """The environment's name, which is the stack's."""
        return str(self.deployment.outputs["environment"])


@dataclass(frozen=True)
class Ground:
    """What the running parts stand on: the stand-ins, the clock and the deployed stacks."""

    state: State
    stand_ins: StandIns
    clock_file: ClockFile
    clock: Clock
    stacks: tuple[DeployedStack, ...]

    @property
    def deployment(self) -> Deployment:
        """The first stack's resources and outputs."""
        return self.stacks[0].deployment

    @property
    def admin(self) -> Admin:
        """The operator's clients in the first stack's region."""
        return self.stacks[0].admin


async def lay_ground(settings: WorldSettings, state: State, stack: AsyncExitStack) -> Ground:
    """Start the stand-ins and deploy; raises ``ChildFailed`` or what the program raises."""
    share_botocore_data()
    clock_file = ClockFile(state.clock)
    clock_file.reset()
    if settings.ahead_seconds > 0:
        clock_file.advance(settings.ahead_seconds)
    simulated = settings.real_keys is None
    stand_ins = await start_stand_ins(stack, state, settings.checkout, simulator=simulated)
    # One after another: Pulumi's runtime keeps its state in globals.
    stacks = [await _stack(settings, place, stand_ins.aws_url) for place in settings.places]
    return Ground(
        state=state,
        stand_ins=stand_ins,
        clock_file=clock_file,
        clock=offset_clock(state.clock),
        stacks=tuple(stacks),
    )


async def _stack(settings: WorldSettings, place: Place, aws_url: str) -> DeployedStack:
    region = read_stack_file(place.stack_file, PROJECT).region
    deployment = await _deploy(settings, place.stack_file, aws_url, region)
    admin = Admin(aws_url, region)
    await asyncio.to_thread(_fill_secrets, settings, admin, deployment)
    function = declared.function(deployment.resources, deployment.outputs["router_function"])
    return DeployedStack(deployment, admin, function)


async def _deploy(
    settings: WorldSettings, stack_file: Path, aws_url: str, region: str
) -> Deployment:
    work = asyncio.create_task(
        deploy(
            settings.program,
            stack_file,
            project=PROJECT,
            aws_endpoint_url=aws_url,
            region=region,
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
