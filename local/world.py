"""The whole local world: start, the facts a client needs, an end that leaves nothing behind.

Stages: take the ports and the state directory; lay the ground (start the stand-ins for AWS and
the providers, run the program against them for every stack, fill its secrets); start each
stack's router processes and loops and open its door; open the control server; write
``local.json``. Leaving undoes them in reverse, also when a stage in the middle failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from socket import socket

from local import differences, loopback
from local.control import Control
from local.ground import Ground, WorldSettings, lay_ground
from local.instance_pool import InstancePool
from local.live_stack import LiveStack, start_stack
from local.signal_pages import SignalPages
from local.state import State
from local.web_instance import WebInstance
from local.webhook_inbox import WebhookInbox
from local.webhook_secrets import fill_webhooks


@dataclass(frozen=True)
class World:
    """A running local world: one AWS, one simulator, one clock, and a stack or several."""

    settings: WorldSettings
    ground: Ground
    stacks: tuple[LiveStack, ...]
    control_url: str

    @property
    def endpoint(self) -> str:
        """Where the first stack answers."""
        return self.stacks[0].endpoint

    @property
    def api_key(self) -> str:
        """The first stack's demo key."""
        return self.stacks[0].api_key

    @property
    def pool(self) -> InstancePool[WebInstance]:
        """The first stack's router processes."""
        return self.stacks[0].pool

    @property
    def ignored(self) -> tuple[str, ...]:
        """The declared properties that nothing here looked at, each once."""
        lines = (line for each in self.ground.stacks for line in each.deployment.ignored)
        return tuple(dict.fromkeys(lines))

    def facts(self) -> dict[str, object]:
        """Return what ``local.json`` holds: the first stack's facts, and all where it has more."""
        shared = {
            "aws_endpoint_url": self.ground.stand_ins.aws_url,
            "control_url": self.control_url,
        }
        several = {"stacks": {each.name: each.facts() for each in self.stacks}}
        return self.stacks[0].facts() | shared | (several if len(self.stacks) > 1 else {})

    @property
    def differences(self) -> tuple[str, ...]:
        """How this world differs from AWS, a sentence each."""
        return differences.ON_A_BUNDLE if self.settings.bundles else differences.ALL

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
    listeners = [_bind(place.port, stack) for place in settings.places]
    control_listener = _bind(0, stack)
    state = State(settings.state.resolve())
    stack.enter_context(state.take())
    ground = await lay_ground(settings, state, stack)
    control_url = loopback.url_of(control_listener)
    for deployed in ground.stacks:
        await asyncio.to_thread(fill_webhooks, deployed, control_url)
    world = World(
        settings=settings,
        ground=ground,
        stacks=await _start_stacks(settings, ground, listeners, stack),
        control_url=control_url,
    )
    control = loopback.serve(_control(world).application(), control_listener)
    stack.push_async_callback(control.close)
    state.write_facts(world.facts())
    stack.callback(state.forget_facts)
    return world


async def _start_stacks(
    settings: WorldSettings, ground: Ground, listeners: list[socket], stack: AsyncExitStack
) -> tuple[LiveStack, ...]:
    pairs = zip(ground.stacks, listeners, strict=True)
    starts = [
        asyncio.create_task(start_stack(settings, ground, deployed, listener, stack))
        for deployed, listener in pairs
    ]
    try:
        # All of them are waited for before one that failed may end the start: their ends are on
        # the stack by then.
        await asyncio.wait(starts)
    except asyncio.CancelledError:
        for start in starts:
            start.cancel()
        await asyncio.wait(starts)
        raise
    return tuple(start.result() for start in starts)


def _control(world: World) -> Control:
    ground = world.ground
    return Control(
        clock_file=ground.clock_file,
        clock=ground.clock,
        stacks=world.stacks,
        differences=world.differences,
        ignored=world.ignored,
        aws_url=ground.stand_ins.aws_url,
        simulator_url=ground.stand_ins.simulator_url,
        signals=SignalPages(
            {each.name: each.signals for each in world.stacks}, WebhookInbox(ground.clock)
        ),
    )


def _bind(port: int, stack: AsyncExitStack) -> socket:
    return stack.enter_context(loopback.bind(port))
