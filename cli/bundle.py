"""``sluice bundle``: the functions' zips, for Lambda or for this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from infra.bundle.archive import unzip
from infra.bundle.build import Built, build
from infra.bundle.errors import BundleFailed
from infra.bundle.recipe import FUNCTIONS, MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES, MIB
from infra.bundle.targets import HOST_NAME, LAMBDA, LAMBDA_NAME, Target, host
from local.ground import CHECKOUT

BUILD = CHECKOUT / "build"
TARGETS: dict[str, Callable[[], Target]] = {LAMBDA_NAME: lambda: LAMBDA, HOST_NAME: host}


def bundle(target: str, *, as_json: bool) -> None:
    """Build every function's zip for a target into ``build/`` and print what became of it.

    Raises ``typer.Exit(1)`` with what went wrong; an older zip is left as it was.
    """
    if target not in TARGETS:
        raise typer.BadParameter(f"the target is one of {', '.join(TARGETS)}")
    console = Console(highlight=False, stderr=as_json)
    try:
        built = [_build(name, TARGETS[target](), console) for name in FUNCTIONS]
    except BundleFailed as failure:
        console.print(f"[red]{escape(str(failure))}[/red]", soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps([_facts(each) for each in built], indent=2))


def unzipped_bundles(console: Console, state: Path) -> dict[str, Path]:
    """Build every function's zip for this machine, unzip it and return the folders by name.

    Raises :class:`~infra.bundle.errors.BundleFailed`.
    """
    return {name: _unzipped(name, console, state) for name in FUNCTIONS}


def _unzipped(function: str, console: Console, state: Path) -> Path:
    built = _build(function, host(), console)
    folder = state.resolve() / "bundle" / function
    unzip(built.path, folder, HOST_NAME)
    return folder


def _build(function: str, target: Target, console: Console) -> Built:
    code = FUNCTIONS[function]
    made = f"build/{target.zip_name(function)}"
    started = time.monotonic()
    console.print(f"Building {made} for {_whom(target)} …")

    def say(step: str) -> None:
        console.print(f"  {escape(step)}", soft_wrap=True)

    built = build(code, target, CHECKOUT, BUILD, say)
    sizes = (
        f"{_share(built.zipped, MAX_ZIPPED_BYTES)}, {_share(built.unzipped, MAX_UNZIPPED_BYTES)}"
    )
    console.print(f"[green]{made}[/green]: {sizes} unzipped, in {time.monotonic() - started:.0f} s")
    console.print(f"  sha256 {built.sha256}")
    return built


def _whom(target: Target) -> str:
    where = "AWS Lambda" if target.name == LAMBDA_NAME else "this machine"
    return f"{where} ({target.runtime}, {target.architecture})"


def _share(size: int, limit: int) -> str:
    return f"{size / MIB:.1f} of {limit // MIB} MiB"


def _facts(built: Built) -> dict[str, Any]:
    return {
        **asdict(built.manifest),
        "path": str(built.path.relative_to(CHECKOUT)),
        "sha256": built.sha256,
        "zipped_bytes": built.zipped,
        "unzipped_bytes": built.unzipped,
        "wheels": [asdict(wheel) for wheel in built.wheels],
    }
