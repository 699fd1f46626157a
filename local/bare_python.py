"""A Python without any installed package, for functions that bring all of theirs along.

What a function runs on must be the bundle's alone: this interpreter is the one that the virtual
environment was made from, started without its ``site`` module, so that no ``site-packages`` and
no ``.pth`` file is looked at. ``PYTHONPATH``, by which a start script names its folder, holds.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


class NoBarePython(RuntimeError):
    """The interpreter behind the virtual environment is not where it should be."""


def bare_python(directory: Path) -> Path:
    """Put a ``python3`` into a directory, for the front of a child's PATH; return the directory.

    Raises :class:`NoBarePython`.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = Path(sys.base_prefix) / "bin" / version
    if not interpreter.exists():
        raise NoBarePython(f"the interpreter of this environment is not at {interpreter}")
    directory.mkdir(parents=True, exist_ok=True)
    launcher = directory / "python3"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(str(interpreter))} -S -s "$@"\n')
    launcher.chmod(0o755)
    return directory
