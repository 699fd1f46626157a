"""A batch's plan, manifest and input as files. They are streamed: a batch is up to 256 MB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from shared.domain.jobs.ids import custom_id
from shared.domain.jobs.lines import AskedLine, Claimed, Planned
from shared.domain.jobs.manifest import (
    Manifest,
    ManifestWriter,
    input_in,
    input_part,
    plan_in,
    plan_parts,
)
from shared.domain.jobs.provider_batch import ProviderBatch, input_key, manifest_key, plan_key
from shared.ports.jobs import Blobs


class FilesGone(Exception):
    """A batch's files were deleted: another process has gone on with it up to its end."""


class BatchFiles:
    """Writes and reads the files of batches. Raises ``StoreUnavailable``, ``FilesGone``."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def write_plan(self, batch: ProviderBatch, plan: Iterable[Planned]) -> None:
        """Write down what is to be claimed."""
        self._blobs.write(plan_key(batch), plan_parts(plan))

    def plan(self, batch: ProviderBatch) -> Iterator[Planned]:
        """Yield what is to be claimed."""
        return plan_in(self._read(plan_key(batch)))

    def write_lines(self, batch: ProviderBatch, claimed: Iterable[Claimed]) -> tuple[int, int]:
        """Write input and manifest while lines are claimed; returns their number and bytes."""
        manifest = ManifestWriter()
        size = 0

        def parts() -> Iterator[bytes]:
            nonlocal size
            for each in claimed:
                part = input_part(AskedLine(custom_id(batch.id, manifest.lines), each.body))
                manifest.add(each.line)
                size += len(part)
                yield part

        self._blobs.write(input_key(batch), parts())
        self._blobs.write(manifest_key(batch), manifest.parts())
        return manifest.lines, size

    def manifest(self, batch: ProviderBatch) -> Manifest:
        """Return the lines."""
        return Manifest(self._read(manifest_key(batch)))

    def asked(self, batch: ProviderBatch) -> Callable[[], Iterator[AskedLine]]:
        """Return how the input is read, from the start each time."""
        return lambda: input_in(self._read(input_key(batch)))

    def _read(self, key: str) -> Iterator[bytes]:
        try:
            return self._blobs.read(key)
        except KeyError:
            raise FilesGone(key) from None

    def discard(self, batch: ProviderBatch) -> None:
        """Delete what holds content; the manifest stays until its lifecycle ends."""
        self._blobs.delete(input_key(batch))
        self._blobs.delete(plan_key(batch))
