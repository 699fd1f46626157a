"""Checks that what a function's modules ask for by name lies in the zip."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from infra.bundle.archive import Archive
from infra.bundle.modules import Modules
from infra.bundle.reach import reach
from infra.bundle.recipe import OWN_PACKAGES, FunctionCode
from infra.bundle.targets import Target

_DATA_FILE: Final = re.compile(r"[\w-]+\.(json|toml)")


def modules_of(archive: Archive, target: Target) -> Modules:
    """Return the modules of a zip as the target's import system would find them."""
    return Modules(archive.names, archive.read, target.extension_suffixes)


def imports(archive: Archive, code: FunctionCode, target: Target) -> Iterator[str]:
    """Find imports that the function can reach and that neither zip nor standard library hold."""
    modules = modules_of(archive, target)
    yield from reach(code.entries, modules, target.standard_library).missing


def data_files(archive: Archive, _: FunctionCode, __: Target) -> Iterator[str]:
    """Find data files that our modules name and that are not there."""
    ours = [name for name in archive.names if name.split("/")[0] in OWN_PACKAGES]
    there = {PurePosixPath(name).name for name in ours}
    for name in ours:
        for wanted in _named(archive.read(name)) if name.endswith(".py") else ():
            if wanted not in there:
                yield f"{wanted}, named in {name}, is not there"


def _named(source: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and _DATA_FILE.fullmatch(text):
            yield text
