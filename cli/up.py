"""``sluice up``: the whole stack on this machine until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import typer
from rich.console import Console
from rich.markup import escape

from cli.bundle import unzipped_bundles
from cli.connection import ENDPOINT_VARIABLE, KEY_VARIABLE, local_facts
from infra.bundle.errors import BundleFailed
from local.bare_python import NoBarePython
from local.children import ChildFailed
from local.differences import DIFFERENCES, PAGE
from local.ground import CHECKOUT, CreateDemoKey, Place, WorldSettings
from local.instance import InstanceFailed
from local.live_stack import LiveStack
from local.loopback import PortBusy
from local.provider_keys import real_keys
from local.state import State, StateInUse
from local.world import World, running

STATE = Path(".sluice")
COLLECTOR_SECONDS = 3.0
"""How often the collector runs here: the simulator's batches end within seconds."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_FAILURES = (
    BundleFailed,
    ChildFailed,
    InstanceFailed,
    NoBarePython,
    PortBusy,
    StateInUse,
)


def up(
    *,
    real: bool,
    stacks: Sequence[str],
    port: int,
    create_demo_key: CreateDemoKey,
    bundle: bool = False,
) -> None:
    """Run the local world until a stop signal: the first stack on ``port``, others on the next.

    ``real`` calls real providers with the keys in this environment; ``bundle`` builds the
    bundles for this machine and runs them instead of the checkout. Raises ``typer.Exit(1)``
    with one clear line when the port is taken or the world does not come up.
    """
    console = Console(highlight=False)
    keys = real_keys(os.environ) if real else None
    if keys is not None:
        _warn_of_real_providers(console, keys)
    settings = _settings(_places(stacks, port), keys, create_demo_key)
    try:
        if bundle:
            settings = _on_bundle(settings, console)
        asyncio.run(_run(settings, console))
    except START_FAILURES as failure:
        console.print(f"[red]{escape(str(failure))}[/red]", soft_wrap=True)
        raise typer.Exit(1) from None


def print_differences() -> None:
    """Print how every local world differs from AWS (``sluice up --differences``).

    Of one that runs here, also the declared properties that it ignores.
    """
    console = Console(highlight=False)
    for part, lines in DIFFERENCES.items():
        _list(console, part, lines)
    if ignored := _ignored_by_the_running_world():
        _list(console, "Declared properties that the running world ignores", ignored)


def _ignored_by_the_running_world() -> list[str]:
    facts = local_facts()
    if facts is None:
        return []
    try:
        found = httpx2.get(f"{facts['control_url']}/differences", trust_env=False)
        return list(found.raise_for_status().json()["ignored"])
    except (httpx2.HTTPError, LookupError, TypeError, ValueError):
        # A world that ended otherwise than by Ctrl-C leaves its facts, and another may answer.
        return []


def _places(stacks: Sequence[str], port: int) -> list[Place]:
    if len(set(stacks)) != len(stacks):
        raise typer.BadParameter("a stack is named twice")
    # Port 0 asks for any free one.
    return [Place(_stack_file(name), port and port + n) for n, name in enumerate(stacks)]


def _stack_file(stack: str) -> Path:
    stack_file = CHECKOUT / f"Pulumi.{stack}.yaml"
    if not stack_file.exists():
        raise typer.BadParameter(f"there is no {stack_file.name}")
    return stack_file


def _settings(
    places: list[Place], keys: Mapping[str, str] | None, create_demo_key: CreateDemoKey
) -> WorldSettings:
    return WorldSettings(
        state=CHECKOUT / STATE,
        create_demo_key=create_demo_key,
        report=lambda line: print(line, file=sys.stderr),  # noqa: T201 this is the terminal
        stack_file=places[0].stack_file,
        port=places[0].port,
        also=tuple(places[1:]),
        real_keys=keys,
        collector_seconds=COLLECTOR_SECONDS if keys is None else None,
    )


def _on_bundle(settings: WorldSettings, console: Console) -> WorldSettings:
    # The state is taken meanwhile: a world that runs already keeps the bundle under its feet.
    with State(settings.state.resolve()).take():
        return replace(settings, bundles=unzipped_bundles(console, settings.state))


async def _run(settings: WorldSettings, console: Console) -> None:
    world = asyncio.create_task(_serve(settings, console))

    def stop() -> None:
        # Once: a second Ctrl-C must not break off the cleaning up.
        if not world.cancelling():
            world.cancel()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await world
    except asyncio.CancelledError:
        console.print("Stopped.")


async def _serve(settings: WorldSettings, console: Console) -> None:
    async with AsyncExitStack() as stack:
        with console.status("Starting the local world …"):
            world = await stack.enter_async_context(running(settings))
        _welcome(console, world)
        raise ChildFailed(await world.broken())


def _warn_of_real_providers(console: Console, keys: Mapping[str, str]) -> None:
    console.print("[bold red]REAL providers will be called, and they bill you.[/bold red]")
    found = ", ".join(sorted(keys)) or "none: every provider call will fail"
    console.print(f"[red]Keys found for: {found}[/red]")


def _welcome(console: Console, world: World) -> None:
    for name, place in world.settings.bundles.items():
        console.print(f"The unzipped bundle in {place} runs as the {name}", soft_wrap=True)
    for stack in world.stacks:
        _welcome_to(console, stack)
    for what, line in _ways_to_call(world):
        console.print(f"{what:<10} {escape(line)}", soft_wrap=True)
    console.print(f"Control    {world.control_url}  (GET / lists what it can do)")
    console.print(f"[dim]Differs    {_differs(world)}[/dim]", soft_wrap=True)
    console.print("Ctrl-C stops everything.")


def _welcome_to(console: Console, stack: LiveStack) -> None:
    at = f"at [bold]{stack.endpoint}[/bold]"
    console.print(f"[bold green]Ready[/bold green] {at} [dim]({stack.name})[/dim]")
    console.print(f"Demo key   {stack.api_key}")


def _ways_to_call(world: World) -> Iterator[tuple[str, str]]:
    key = f'api_key="{world.api_key}"'
    yield "Ask", f'{_unset()}.venv/bin/sluice ask "What is a sluice?"'
    yield "curl", _curl(world)
    yield "OpenAI", f'openai.OpenAI(base_url="{world.endpoint}/v1", {key})'
    yield "Anthropic", f'anthropic.Anthropic(base_url="{world.endpoint}", {key})'


def _unset() -> str:
    """Return what keeps ``sluice ask`` from another gateway that the environment names."""
    named = [name for name in (ENDPOINT_VARIABLE, KEY_VARIABLE) if name in os.environ]
    return "".join(["env ", *(f"-u {name} " for name in named)]) if named else ""


def _differs(world: World) -> str:
    """Say that this is not AWS, and where each difference is told."""
    return (
        f"from AWS in {len(world.differences)} ways, and ignores {len(world.ignored)} declared "
        f"properties: {PAGE}, or .venv/bin/sluice up --differences"
    )


def _curl(world: World) -> str:
    body = '{"model":"auto","messages":[{"role":"user","content":"What is a sluice?"}]}'
    return (
        f"{world.endpoint}/v1/chat/completions -H 'Authorization: Bearer {world.api_key}'"
        f" -H 'Content-Type: application/json' -d '{body}'"
    )


def _list(console: Console, what: str, lines: Sequence[str]) -> None:
    console.print(f"[bold]{what}[/bold]")
    for line in lines:
        console.print(f"- {escape(line)}", soft_wrap=True)
