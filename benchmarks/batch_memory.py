"""What a batch of 50,000 lines costs a function: memory at its peak, and CPU for each step.

The work is the real one, from the file to the results, in a process that has imported what the
collector imports, on stores whose blobs lie on disk. It fails where the memory is more than a
function of the least size has. Run by itself::

    python -m benchmarks.batch_memory
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from shared.domain.batches.lines import MOST_LINES

_READ_BYTES: Final = 256 * 1024
MOST_MIB: Final = 256
"""Of a function of the least size that ``sluice:worker_memory_mb`` may name."""
_PROMPT: Final = "Sort this ticket into one of the queues, and say why in a sentence. " * 12


class DiskBlobs:
    """Implements ``Blobs`` in a folder, and holds nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Write a file."""
        with self._path(key).open("wb") as file:
            for part in parts:
                file.write(part)

    def read(self, key: str) -> Iterator[bytes]:
        """Yield a file; raises ``KeyError`` where there is none."""
        if not self._path(key).exists():
            raise KeyError(key)
        return self._chunks(self._path(key))

    def delete(self, key: str) -> None:
        """Delete a file."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key.replace("/", "_")

    def _chunks(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(_READ_BYTES):
                yield chunk


def lines(count: int) -> Iterator[bytes]:
    """Yield the lines of a file."""
    for number in range(count):
        messages = [{"role": "user", "content": f"{_PROMPT} Ticket {number}."}]
        body = {"model": "gpt-6-luna", "messages": messages, "max_completion_tokens": 60}
        asked = {"custom_id": f"ticket-{number}", "method": "POST", "url": "/v1/chat/completions"}
        yield json.dumps({**asked, "body": body}).encode() + b"\n"


def peak_mib() -> float:
    """Return the most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def check_memory() -> None:
    """Raise ``AssertionError`` where this process has had more memory than a function may have."""
    if peak_mib() > MOST_MIB:
        raise AssertionError(f"{peak_mib():.0f} MiB are more than {MOST_MIB}")


def measured(name: str, work: Callable[[], object]) -> None:
    """Do a work, and print what it took."""
    cpu = time.process_time()
    work()
    spent = time.process_time() - cpu
    print(f"{name:10} {spent:7.1f} CPU s   peak {peak_mib():6.0f} MiB", flush=True)  # noqa: T201


def main(count: int = MOST_LINES) -> None:
    """Plan a batch, make its parts, and put its results together."""
    from benchmarks.batch_world import BatchWorld  # noqa: PLC0415
    from benchmarks.on_disk import be_a_collector  # noqa: PLC0415

    collector = be_a_collector()
    with tempfile.TemporaryDirectory() as folder:
        world = BatchWorld(DiskBlobs(Path(folder)))
        size = world.take_file(lines(count))
        print(f"{count} lines, {size / 2**20:.0f} MiB; at the start {peak_mib():.0f} MiB")  # noqa: T201
        measured("plan", world.plan)
        measured("split", world.split)
        measured("settle", world.settle)
        measured("merge", world.merge)
        world.check(count)
    del collector
    check_memory()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
