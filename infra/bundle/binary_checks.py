"""Checks of what is not text: machine code and byte code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from infra.bundle.archive import Archive
from infra.bundle.manifest import MANIFEST, parse_manifest
from infra.bundle.recipe import FunctionCode
from infra.bundle.targets import Target, elf_machine

UNCHECKED_HASH: Final = 0b01
"""The flags of byte code whose source is not looked at (PEP 552)."""

_LIBRARY: Final = re.compile(r"\.(so(\.\d+)*|dylib|pyd)$")
_GLIBC: Final = re.compile(rb"GLIBC_(\d+)\.(\d+)")


def machine_code(archive: Archive, _: FunctionCode, target: Target) -> Iterator[str]:
    """Find shared libraries that are not for the target's processor or need a newer C library."""
    for name in archive.names:
        if _LIBRARY.search(name):
            yield from _library(name, archive.read(name), target)


def byte_code(archive: Archive, _: FunctionCode, target: Target) -> Iterator[str]:
    """Find byte code that is not the target's or not unchecked, and modules without any."""
    compiled = {name for name in archive.names if name.endswith(".pyc")}
    for name in sorted(compiled):
        head = archive.read(name)[:8]
        if head[:4] != target.magic:
            yield f"{name} is byte code of another Python than {target.runtime}"
        elif int.from_bytes(head[4:8], "little") != UNCHECKED_HASH:
            yield f"{name} would be compared with its source at each start"
    if MANIFEST in archive.entries:
        promised = parse_manifest(archive.read(MANIFEST)).byte_code
        sources = [name for name in archive.names if name.endswith(".py")] if promised else []
        expected = {_compiled_name(name, target): name for name in sources}
        yield from (f"{expected[each]} is not compiled" for each in set(expected) - compiled)
        yield from (f"{each} belongs to no module" for each in compiled - set(expected))


def _library(name: str, content: bytes, target: Target) -> Iterator[str]:
    if target.elf_machine is not None and elf_machine(content[:20]) != target.elf_machine:
        yield f"{name} is machine code of another processor than {target.architecture}"
    if target.glibc is not None:
        needs = [(int(major), int(minor)) for major, minor in _GLIBC.findall(content)]
        if newest := max(needs, default=None):
            wanted = "{}.{}".format(*newest)
            if newest > target.glibc:
                yield f"{name} needs glibc {wanted}, newer than Lambda's"


def _compiled_name(source: str, target: Target) -> str:
    path = PurePosixPath(source)
    tag = "cpython-{}{}".format(*target.python)
    return str(path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc")
