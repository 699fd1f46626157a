"""Checks the start script by running it with a stand-in for Python that only says how it was run.

What a shell makes of a script cannot be read off its text.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from infra.bundle.archive import EXECUTABLE, Archive
from infra.bundle.import_checks import modules_of
from infra.bundle.modules import Modules
from infra.bundle.recipe import FunctionCode
from infra.bundle.targets import Target

SHELL: Final = b"#!/bin/sh\n"
"""Lambda's image has it. A carriage return at the end would make it another program's name."""

_STAND_IN: Final = """#!/bin/sh
printf '%s\\n' "$PWD" "$PYTHONPATH" "$@"
"""


def start_script(archive: Archive, code: FunctionCode, target: Target) -> Iterator[str]:
    """Find a script that does not start our modules, in the function's folder, from there."""
    script = code.start_script
    if script is None:
        return
    if script not in archive.entries:
        yield f"{script} is not there"
    elif not archive.read(script).startswith(SHELL):
        yield f"{script} does not begin with {SHELL.decode().strip()} and a plain line end"
    elif archive.mode(script) == EXECUTABLE:
        yield from _dry_run(archive, script, modules_of(archive, target))


def _dry_run(archive: Archive, script: str, modules: Modules) -> Iterator[str]:
    with TemporaryDirectory(dir=archive.path.parent) as work:
        root = Path(work).resolve()
        done = _run(root, _put(root / script, archive.read(script)))
    if done.returncode:
        yield f"{script} ends with status {done.returncode}: {done.stderr.strip()}"
        return
    folder, path, *arguments = done.stdout.splitlines()
    if folder != str(root):
        yield f"{script} does not start Python in the function's folder"
    if path.split(os.pathsep)[0] != str(root):
        yield f"{script} does not put the function's folder first on PYTHONPATH"
    yield from _unknown_modules(script, arguments, modules)


def _run(root: Path, script: Path) -> subprocess.CompletedProcess[str]:
    _put(root / "bin" / "python3", _STAND_IN.encode())
    environment = {"PATH": f"{root}/bin:/usr/bin:/bin", "LAMBDA_TASK_ROOT": str(root)}
    return subprocess.run(  # noqa: S603 our own script
        [str(script)], cwd="/", env=environment, capture_output=True, text=True, check=False
    )


def _put(place: Path, content: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(EXECUTABLE)
    return place


def _unknown_modules(script: str, arguments: list[str], modules: Modules) -> Iterator[str]:
    server = arguments[arguments.index("-m") + 1 :] if "-m" in arguments else []
    if len(server) < 2:
        yield f"{script} does not start a module with an application"
        return
    for name in (server[0], server[1].partition(":")[0]):
        if not modules.holds(name):
            yield f"{script} starts {name}, which is not there"
