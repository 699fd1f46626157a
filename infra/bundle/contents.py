"""Prunes the wheels' folder and adds our own code: only what the function can reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from infra.bundle.modules import Modules
from infra.bundle.reach import reach
from infra.bundle.recipe import (
    BOTOCORE_DATA,
    DATA_SUFFIXES,
    LEFT_OUT,
    OWN_PACKAGES,
    FunctionCode,
)


def prune(folder: Path, code: FunctionCode) -> None:
    """Remove from the wheels what the recipe leaves out."""
    for name in names_in(folder):
        if left_out(name, code):
            (folder / name).unlink()


def left_out(name: str, code: FunctionCode) -> bool:
    """Say whether a file of a wheel stays out; names are relative, with ``/``."""
    service, slash, _ = name.removeprefix(BOTOCORE_DATA).partition("/")
    if name.startswith(BOTOCORE_DATA) and slash:
        return service not in code.aws_services
    return any(fnmatchcase(name, pattern) for pattern in LEFT_OUT)


def add_own_code(checkout: Path, folder: Path, code: FunctionCode) -> int:
    """Copy the modules that the function reaches and the data beside them; returns how many."""
    names = list(own_files(checkout, code))
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(checkout / name, folder / name)
    return len(names)


def own_files(checkout: Path, code: FunctionCode) -> Iterator[str]:
    """Yield the names of our own files that a function needs, sorted."""
    ours = [name for package in OWN_PACKAGES for name in names_in(checkout / package, checkout)]
    modules = Modules(ours, lambda name: (checkout / name).read_bytes(), ())
    entries = [entry for entry in code.entries if entry.split(".")[0] in OWN_PACKAGES]
    reached = set(reach(entries, modules).files)
    folders = {str(PurePosixPath(name).parent) for name in reached}
    for name in sorted(ours):
        path = PurePosixPath(name)
        if name in reached or (path.suffix in DATA_SUFFIXES and str(path.parent) in folders):
            yield name


def names_in(folder: Path, base: Path | None = None) -> list[str]:
    """Return the names of all files below a folder, relative to it or to ``base``, sorted."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(base or folder).as_posix() for path in files)
