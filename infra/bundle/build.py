"""Builds one function's zip, step by step, and puts it in its place only if its checks hold."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.bundle.archive import opened, write_archive
from infra.bundle.bill_of_materials import BILL, bill_of_materials
from infra.bundle.byte_code import COST_WITHOUT, compile_folder, find_compiler
from infra.bundle.checks import check
from infra.bundle.contents import add_own_code, prune
from infra.bundle.errors import BundleRefused
from infra.bundle.manifest import MANIFEST, Manifest
from infra.bundle.recipe import FunctionCode
from infra.bundle.targets import Target
from infra.bundle.wheels import Wheel, lay_wheels

Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A finished zip; sizes in bytes, ``sha256`` in hex."""

    path: Path
    manifest: Manifest
    wheels: tuple[Wheel, ...]
    zipped: int
    unzipped: int
    sha256: str


def build(
    code: FunctionCode,
    target: Target,
    checkout: Path,
    into: Path,
    say: Say,
    environment: Mapping[str, str] | None = None,
) -> Built:
    """Build a function's zip and its bill of materials in the folder ``into``.

    ``say`` is told each step. Raises :class:`~infra.bundle.errors.BundleFailed`, or
    ``BundleRefused`` when the checks find something; an older zip is left as it was.
    """
    into.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".bundle-", dir=into) as work:
        scratch = Path(work)
        folder = scratch / "contents"
        manifest, wheels = _fill(code, target, checkout, folder, say, environment)
        draft = scratch / target.zip_name(code.name)
        write_archive(folder, draft, code.start_script)
        unzipped = _checked(draft, code, target, say)
        path = into / draft.name
        draft.replace(path)
        path.with_suffix(".cdx.json").write_bytes((folder / BILL).read_bytes())
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Built(path, manifest, wheels, len(content), unzipped, digest)


def _fill(
    code: FunctionCode,
    target: Target,
    checkout: Path,
    folder: Path,
    say: Say,
    environment: Mapping[str, str] | None,
) -> tuple[Manifest, tuple[Wheel, ...]]:
    lock = checkout / code.requirements
    wheels = lay_wheels(lock, target, folder, folder.parent)
    say(f"{len(wheels)} wheels of {code.requirements}, hashes checked")
    prune(folder, code)
    say(f"{add_own_code(checkout, folder, code)} files of our own, by following imports")
    compiled = _compile(folder, target, say, os.environ if environment is None else environment)
    manifest = Manifest(
        function=code.name,
        target=target.name,
        runtime=target.runtime,
        architecture=target.architecture,
        handler=code.handler,
        byte_code=compiled,
        lock_sha256=hashlib.sha256(lock.read_bytes()).hexdigest(),
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    (folder / BILL).write_bytes(bill_of_materials(code.name, wheels))
    return manifest, wheels


def _compile(folder: Path, target: Target, say: Say, environment: Mapping[str, str]) -> bool:
    python = find_compiler(target, environment)
    if python is None:
        say(f"no byte code: no {target.runtime} on PATH or in SLUICE_PYTHON; {COST_WITHOUT}")
        return False
    compile_folder(folder, python)
    say(f"byte code by {target.runtime}")
    return True


def _checked(draft: Path, code: FunctionCode, target: Target, say: Say) -> int:
    with opened(draft) as archive:
        if findings := check(archive, code, target):
            raise BundleRefused(draft.name, findings)
        say("checked: files, wheels, machine code, byte code, imports, data, start script, size")
        return sum(entry.file_size for entry in archive.entries.values())
