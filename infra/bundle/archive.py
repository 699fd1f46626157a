"""Writes zips that are the same bytes whenever their contents are, and reads them again."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.bundle.contents import names_in
from infra.bundle.errors import BundleRefused
from infra.bundle.manifest import Manifest, NoManifest, read_manifest

EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can state."""

READABLE: Final = 0o644
EXECUTABLE: Final = 0o755
_UNIX: Final = 3


class Archive:
    """A zip opened for reading."""

    def __init__(self, path: Path, opened: zipfile.ZipFile) -> None:
        self.path = path
        self._opened = opened
        self.entries = {entry.filename: entry for entry in opened.infolist()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its files, in the order in which they lie there."""
        return tuple(entry.filename for entry in self._opened.infolist())

    def read(self, name: str) -> bytes:
        """Return a file's bytes; raises ``KeyError``."""
        return self._opened.read(name)

    def mode(self, name: str) -> int:
        """Return a file's permission bits."""
        return self.entries[name].external_attr >> 16 & 0o777


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a zip for reading."""
    with zipfile.ZipFile(path) as archive:
        yield Archive(path, archive)


def write_archive(folder: Path, path: Path, executable: str | None) -> None:
    """Write all files of a folder into a zip, sorted, with one time and fixed modes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names_in(folder):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = EXECUTABLE if name == executable else READABLE
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, (folder / name).read_bytes())


def unzip(path: Path, folder: Path, target: str) -> Manifest:
    """Unzip a bundle into a folder of its own, modes included; what lay there goes.

    Raises :class:`BundleRefused` for a zip that is no bundle or is built for another target.
    """
    try:
        manifest = read_manifest(path)
    except NoManifest as error:
        raise BundleRefused(path.name, [str(error)]) from error
    if manifest.target != target:
        raise BundleRefused(path.name, [f"it is built for {manifest.target}, not for {target}"])
    shutil.rmtree(folder, ignore_errors=True)
    with opened(path) as archive:
        for name in archive.names:
            _extract(archive, name, folder / name)
    return manifest


def _extract(archive: Archive, name: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(archive.read(name))
    place.chmod(archive.mode(name))
