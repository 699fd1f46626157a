"""Checks of the wheels in a zip: made for the target, and none that another needs is absent."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser

from packaging.requirements import Requirement
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name

from infra.bundle.archive import Archive
from infra.bundle.recipe import FunctionCode
from infra.bundle.targets import Target


def wheel_tags(archive: Archive, _: FunctionCode, target: Target) -> Iterator[str]:
    """Find wheels that do not say of themselves that the target can use them (PEP 425)."""
    for name, wheel in _read_all(archive, "WHEEL"):
        said = [str(tag) for tag in wheel.get_all("Tag", [])]
        if not any(parse_tag(tag) & target.tags for tag in said):
            yield f"{name} is for {', '.join(said) or 'nothing'}, not for {target.name}"


def requirements(archive: Archive, _: FunctionCode, target: Target) -> Iterator[str]:
    """Find what a wheel requires on the target and what is not there in a version it takes."""
    there = dict(distributions_of(archive))
    for name, metadata in _read_all(archive, "METADATA"):
        for text in metadata.get_all("Requires-Dist", []):
            requirement = Requirement(text)
            if not _applies(requirement, target):
                continue
            version = there.get(canonicalize_name(requirement.name))
            if version is None:
                yield f"{name} requires {requirement.name}, which is not there"
            elif not requirement.specifier.contains(version, prereleases=True):
                yield f"{name} requires {requirement}, and {version} is there"


def distributions_of(archive: Archive) -> Iterator[tuple[str, str]]:
    """Yield the name and the version of each distribution in a zip."""
    for _, metadata in _read_all(archive, "METADATA"):
        yield canonicalize_name(metadata["Name"]), metadata["Version"]


def _applies(requirement: Requirement, target: Target) -> bool:
    environment = {**target.environment, "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def _read_all(archive: Archive, document: str) -> Iterator[tuple[str, Message]]:
    for name in archive.names:
        folder, _, file = name.partition("/")
        if folder.endswith(".dist-info") and file == document:
            yield folder, BytesHeaderParser().parsebytes(archive.read(name))
