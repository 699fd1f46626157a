"""Compiles a folder to byte code that the target's Python takes without looking at the source.

Unchecked hashes (PEP 552): a zip has no modification times worth comparing, and ``/var/task`` is
read-only, so Lambda could not keep what it would compile at each cold start.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.bundle.errors import BundleFailed
from infra.bundle.targets import HOST_NAME, Target

PYTHON_VARIABLE: Final = "SLUICE_PYTHON"
COST_WITHOUT: Final = (
    "each cold start will compile everything anew, which takes 2 to 2.5 times the CPU"
)
"""Measured on the imports of the router, Python 3.13."""


def find_compiler(target: Target, environment: Mapping[str, str]) -> Path | None:
    """Return an interpreter of the target's version, or None when none is at hand.

    For Lambda the one that ``SLUICE_PYTHON`` names, which must be of that version
    (:class:`BundleFailed`), or ``python3.13`` on PATH. For the host the one that runs this.
    """
    if target.name == HOST_NAME:
        return Path(sys.executable)
    if named := environment.get(PYTHON_VARIABLE):
        return _required(named, target)
    found = shutil.which(target.runtime, path=environment.get("PATH"))
    return Path(found) if found and _is_version(found, target) else None


def compile_folder(folder: Path, python: Path) -> None:
    """Compile every module below a folder; raises :class:`BundleFailed` naming what does not."""
    command = [
        *(str(python), "-s", "-S", "-m", "compileall", "-q", "-s", str(folder)),
        *("--invalidation-mode", "unchecked-hash", str(folder)),
    ]
    done = subprocess.run(  # noqa: S603 an interpreter of the developer's choice
        command,
        cwd=folder.parent,
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BundleFailed(f"{python} could not compile:\n{done.stdout}{done.stderr}")


def _required(named: str, target: Target) -> Path:
    found = shutil.which(named)
    if found is None or not _is_version(found, target):
        raise BundleFailed(f"{PYTHON_VARIABLE}={named} is not a {target.runtime} that runs")
    return Path(found)


def _is_version(python: str, target: Target) -> bool:
    """Ask the interpreter: a name on PATH may be a launcher for versions that are not there."""
    ask = "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"
    try:
        answer = subprocess.run(  # noqa: S603 an interpreter of the developer's choice
            [python, "-I", "-S", "-c", ask], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == target.magic.hex()
