"""Lays the wheels of a lock into a folder. The only step that needs a network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from infra.bundle.errors import BundleFailed
from infra.bundle.targets import Target


@dataclass(frozen=True)
class Wheel:
    """One distribution as it was installed; ``sha256`` is the wheel file's, in hex."""

    name: str
    version: str
    sha256: str
    licence: str


def lay_wheels(lock: Path, target: Target, folder: Path, scratch: Path) -> tuple[Wheel, ...]:
    """Install what a lock holds for a target into a folder; nothing is built from source.

    Raises :class:`BundleFailed` with what pip said: a hash that differs, or a package that has
    no wheel for the target.
    """
    chosen, report = scratch / "requirements.txt", scratch / "report.json"
    text = lock.read_text(encoding="utf-8")
    chosen.write_text("\n".join(chosen_lines(text, target)) + "\n", encoding="utf-8")
    _pip(chosen, target, folder, report)
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    hashes = {_name_of(item["metadata"]["name"]): _sha256(item) for item in installed}
    described = [(meta, _name_of(meta["Name"])) for meta in distributions(folder)]
    wheels = [
        Wheel(name, meta["Version"], hashes[name], licence_of(meta)) for meta, name in described
    ]
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def chosen_lines(lock: str, target: Target) -> Iterator[str]:
    """Yield the requirements that are for a target, without their markers.

    pip evaluates markers for the Python that it runs on, whatever ``--python-version`` says.
    """
    for line in lock.replace("\\\n", " ").splitlines():
        wanted, hashes, digests = line.partition("--hash")
        requirement, _, marker = wanted.partition(";")
        if requirement.strip() and not line.startswith("#") and _applies(marker, target):
            yield f"{requirement.strip()} {hashes}{digests}"


def distributions(folder: Path) -> Iterator[Message]:
    """Yield the metadata of every distribution that lies in a folder, by name."""
    for path in sorted(folder.glob("*.dist-info/METADATA")):
        yield BytesHeaderParser().parsebytes(path.read_bytes())


def licence_of(metadata: Message) -> str:
    """Return the licence as SPDX where the metadata lets us, or else what it says of it."""
    said = [str(metadata[field] or "").strip() for field in ("License-Expression", "License")]
    for text in said:
        if is_spdx(text):
            return text
    classifiers = metadata.get_all("Classifier", [])
    classified = [each.rpartition(" :: ")[2] for each in classifiers if "License :: " in each]
    return " or ".join(classified) or "".join(said).partition("\n")[0] or "unknown"


def is_spdx(text: str) -> bool:
    """Say whether a text is an SPDX licence expression."""
    try:
        return bool(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return False


def _applies(marker: str, target: Target) -> bool:
    return not marker.strip() or Marker(marker).evaluate(dict(target.environment))


def _pip(lock: Path, target: Target, folder: Path, report: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input"),
        *("--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary=:all:"),
        *("--require-hashes", f"--requirement={lock}"),
        *(f"--target={folder}", f"--report={report}"),
        *target.pip_options,
    ]
    done = subprocess.run(  # noqa: S603 pip of this very interpreter
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BundleFailed(f"pip could not install for {target.name}:\n{done.stderr.strip()}")


def _sha256(installed: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str:
    return installed["download_info"]["archive_info"]["hashes"]["sha256"]


def _name_of(name: str) -> str:
    return canonicalize_name(name)
