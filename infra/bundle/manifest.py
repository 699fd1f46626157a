"""What a zip says about itself, in a file of its own."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

MANIFEST: Final = "sluice-bundle.json"


class NoManifest(ValueError):
    """A file is no bundle of ours."""


@dataclass(frozen=True)
class Manifest:
    """For whom a zip was built. ``lock_sha256`` is of the requirements it was built from."""

    function: str
    target: str
    runtime: str
    architecture: str
    handler: str
    byte_code: bool
    lock_sha256: str

    def to_json(self) -> bytes:
        """Return it as the file's bytes."""
        return json.dumps(asdict(self), indent=2, sort_keys=True).encode() + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Return a zip's manifest; raises :class:`NoManifest` where there is none that fits."""
    try:
        with zipfile.ZipFile(path) as archive:
            return parse_manifest(archive.read(MANIFEST))
    except (zipfile.BadZipFile, KeyError) as error:
        raise NoManifest(f"{path.name} is not a bundle: {error}") from error


def parse_manifest(text: bytes) -> Manifest:
    """Return the manifest of a file's bytes; raises :class:`NoManifest`."""
    try:
        return Manifest(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise NoManifest(f"{MANIFEST} does not fit: {error}") from error
