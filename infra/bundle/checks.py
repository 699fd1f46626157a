"""Holds a finished zip against everything that can be known without running it.

Each check reads the zip itself, not the folder it was made from, and yields a sentence for each
fault it finds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final

from infra.bundle.archive import EPOCH, EXECUTABLE, READABLE, Archive
from infra.bundle.bill_of_materials import BILL
from infra.bundle.binary_checks import byte_code, machine_code
from infra.bundle.contents import left_out
from infra.bundle.import_checks import data_files, imports
from infra.bundle.manifest import MANIFEST, NoManifest, parse_manifest
from infra.bundle.recipe import (
    BOTOCORE_DATA,
    BOTOCORE_FILES,
    MAX_UNZIPPED_BYTES,
    MAX_ZIPPED_BYTES,
    MIB,
    OWN_PACKAGES,
    FunctionCode,
)
from infra.bundle.start_script import start_script
from infra.bundle.targets import Target
from infra.bundle.wheel_checks import distributions_of, requirements, wheel_tags

Check = Callable[[Archive, FunctionCode, Target], Iterator[str]]


def check(archive: Archive, code: FunctionCode, target: Target) -> list[str]:
    """Return a sentence for each fault of a zip; none when it may be used."""
    return [finding for each in CHECKS for finding in each(archive, code, target)]


def sizes(archive: Archive, _: FunctionCode, __: Target) -> Iterator[str]:
    """Find a zip that is too large for Lambda, zipped or unzipped."""
    zipped = archive.path.stat().st_size
    unzipped = sum(entry.file_size for entry in archive.entries.values())
    if zipped > MAX_ZIPPED_BYTES:
        yield f"it has {zipped} bytes; Lambda takes {MAX_ZIPPED_BYTES // MIB} MiB"
    if unzipped > MAX_UNZIPPED_BYTES:
        yield f"it has {unzipped} bytes unzipped; Lambda takes {MAX_UNZIPPED_BYTES // MIB} MiB"


def reproducible(archive: Archive, code: FunctionCode, _: Target) -> Iterator[str]:
    """Find what a rebuild would give otherwise: order, times and modes of the files."""
    if list(archive.names) != sorted(archive.entries):
        yield "its files are not in order, or one lies there twice"
    for name, entry in archive.entries.items():
        mode = EXECUTABLE if name == code.start_script else READABLE
        if entry.date_time != EPOCH:
            yield f"{name} has a time of its own"
        if archive.mode(name) != mode:
            yield f"{name} has mode {archive.mode(name):04o}, not {mode:04o}"


def strangers(archive: Archive, code: FunctionCode, _: Target) -> Iterator[str]:
    """Find what runs by itself, what the recipe leaves out, and other parts of ours."""
    for name in archive.names:
        if name.endswith(".pth"):
            yield f"{name} would run at every start of Python"
        elif left_out(name, code):
            yield f"{name} should have been left out"
        elif _is_foreign(name, code):
            yield f"{name} is no part of the {code.name}"


def documents(archive: Archive, code: FunctionCode, target: Target) -> Iterator[str]:
    """Find a manifest or a bill of materials that is missing or does not tell the truth."""
    for name in (MANIFEST, BILL):
        if name not in archive.entries:
            yield f"{name} is not there"
            return
    try:
        manifest = parse_manifest(archive.read(MANIFEST))
    except NoManifest as error:
        yield str(error)
        return
    told = (manifest.function, manifest.target, manifest.runtime, manifest.architecture)
    if told != (code.name, target.name, target.runtime, target.architecture):
        yield f"its manifest tells of another bundle: {', '.join(told)}"
    bill = json.loads(archive.read(BILL))
    billed = {(each["name"], each["version"]) for each in bill["components"]}
    if billed != set(distributions_of(archive)):
        yield "its bill of materials does not list the wheels that are in it"


def service_models(archive: Archive, code: FunctionCode, _: Target) -> Iterator[str]:
    """Find what botocore would miss when it makes a client of a service that is called."""
    for name in BOTOCORE_FILES:
        if BOTOCORE_DATA + name not in archive.entries:
            yield f"{BOTOCORE_DATA}{name} is not there"
    for service in code.aws_services:
        there = {
            name.rpartition("/")[2].removesuffix(".gz")
            for name in archive.names
            if name.startswith(f"{BOTOCORE_DATA}{service}/")
        }
        for needed in sorted({"service-2.json", "endpoint-rule-set-1.json"} - there):
            yield f"botocore's {needed} of {service} is not there"


CHECKS: Final[tuple[Check, ...]] = (
    sizes,
    reproducible,
    strangers,
    documents,
    wheel_tags,
    requirements,
    machine_code,
    byte_code,
    imports,
    data_files,
    service_models,
    start_script,
)


def _is_foreign(name: str, code: FunctionCode) -> bool:
    top, _, rest = name.partition("/")
    if top in {"cli", "infra", "local", "tests"}:
        return True
    inside = rest.split("/")
    return (
        top == OWN_PACKAGES[0] and len(inside) > 1 and inside[0] not in {code.name, "__pycache__"}
    )
