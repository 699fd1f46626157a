"""A zip in which a few files are other than they are, without writing it anew."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping

from infra.bundle.archive import EPOCH, READABLE, Archive


class Altered(Archive):
    """``changes`` maps names to new bytes, or to None where a file is taken away."""

    def __init__(self, archive: Archive, changes: Mapping[str, bytes | None]) -> None:
        self.path = archive.path
        self._archive = archive
        self._changes = changes
        self._modes: dict[str, int] = {}
        self.entries = {
            name: entry
            for name, entry in archive.entries.items()
            if changes.get(name, b"") is not None
        }
        for name, content in changes.items():
            if content is not None and name not in self.entries:
                self.entries[name] = _entry(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.entries))

    def read(self, name: str) -> bytes:
        changed = self._changes.get(name)
        return self._archive.read(name) if changed is None else changed

    def mode(self, name: str) -> int:
        return self._modes.get(name, self.entries[name].external_attr >> 16 & 0o777)

    def with_mode(self, name: str, mode: int) -> Altered:
        self._modes[name] = mode
        return self


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = (stat.S_IFREG | READABLE) << 16
    return entry
