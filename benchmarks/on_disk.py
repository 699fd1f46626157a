"""For measuring memory: stores that hold nothing, and a process that is like the collector's."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from shared.adapters.memory import MemoryStore
from shared.adapters.memory_jobs import MemoryJobs, MemoryQueue
from shared.domain.jobs.job import Waiting

_ROOM_END: Final = "\x7f"
_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
}

Kept = TypeVar("Kept")


def be_a_collector() -> object:
    """Import all that the collector imports until it has asked a provider, and make its clients.

    Returns what it has built, which is to be kept.
    """
    os.environ |= _ENVIRONMENT
    import anthropic  # noqa: PLC0415
    import openai  # noqa: PLC0415
    from awslambdaric import bootstrap  # type: ignore[import-untyped]  # noqa: PLC0415

    from shared.adapters.batches import anthropic_batches, openai_batches  # noqa: PLC0415
    from shared.settings import WorkerSettings  # noqa: PLC0415
    from shared.wiring.workers import build_worker  # noqa: PLC0415

    arn = "arn:aws:secretsmanager:us-east-1:1:secret:webhooks"
    settings = WorkerSettings(
        environment="bench",
        cache_table="cache",
        ledger_table="ledger",
        jobs_table="jobs",
        batches_bucket="batches",
        jobs_queue="http://127.0.0.1:9/1/jobs",
        providers=("openai", "anthropic"),
        provider_secrets={},
        baseline_model="gpt-6-astra",
        upstream_url="http://127.0.0.1:9",
        policy_version="p",
        webhook_secret=arn,
    )
    worker = build_worker(settings, "collector")
    clients = openai.OpenAI(api_key="none"), anthropic.Anthropic(api_key="none")
    asked = clients[0].files, clients[0].batches, clients[1].messages.batches
    return bootstrap, worker, anthropic_batches, openai_batches, clients, asked


class DiskDict(MutableMapping[Any, Kept]):
    """A mapping whose values lie in a file, ordered by the words of their keys."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for line in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -256",
            "CREATE TABLE kept (words TEXT PRIMARY KEY, pair BLOB) WITHOUT ROWID",
        ):
            self._file.execute(line)  # fmt: skip

    def __getitem__(self, key: Any) -> Kept:
        """Return a value; raises ``KeyError``."""
        for (pair,) in self._file.execute("SELECT pair FROM kept WHERE words = ?", (_words(key),)):
            value: Kept = pickle.loads(pair)[1]  # noqa: S301 - our own
            return value
        raise KeyError(key)

    def __setitem__(self, key: Any, value: Kept) -> None:
        """Write a value."""
        row = (_words(key), pickle.dumps((key, value)))
        self._file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", row)

    def __delitem__(self, key: Any) -> None:
        """Delete a value; raises ``KeyError``."""
        if not self._file.execute("DELETE FROM kept WHERE words = ?", (_words(key),)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        """Yield the keys."""
        for (pair,) in self._file.execute("SELECT pair FROM kept"):
            yield pickle.loads(pair)[0]  # noqa: S301 - our own

    def __len__(self) -> int:
        """Return how many there are."""
        [(number,)] = self._file.execute("SELECT count(*) FROM kept")
        return int(number)

    def first(self, word: str, most: int) -> list[Kept]:
        """Return the first values of the keys that begin with a word."""
        asked = "SELECT pair FROM kept WHERE words >= ? AND words < ? ORDER BY words LIMIT ?"
        found = self._file.execute(asked, (word + "/", word + "/" + _ROOM_END, most))
        return [pickle.loads(pair)[1] for (pair,) in found]  # noqa: S301 - our own

    def following(self, words: str, end: str) -> Kept | None:
        """Return the first value of the keys from ``words`` up to ``end``."""
        asked = "SELECT pair FROM kept WHERE words >= ? AND words < ? ORDER BY words LIMIT 1"
        for (pair,) in self._file.execute(asked, (words, end)):
            value: Kept = pickle.loads(pair)[1]  # noqa: S301 - our own
            return value
        return None


class DiskJobs(MemoryJobs):
    """Jobs, what they ask and are answered, and waiting rooms, in files."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.jobs = _on_disk(folder / "jobs.db")
        self.contents = _on_disk(folder / "contents.db")
        self._rooms: DiskDict[Waiting] = DiskDict(folder / "rooms.db")
        self.rooms = cast("Any", self._rooms)

    def waiting(self, room: str, *, most: int) -> list[Waiting]:
        """Return the rows of a room in order."""
        return self._rooms.first(room, most)

    def occupied(self, provider: str) -> list[str]:
        """Return the names of the rooms."""
        found: list[str] = []
        words, end = f"{provider}/", f"{provider}/{_ROOM_END}"
        while row := self._rooms.following(words, end):
            found.append(row.room)
            words = f"{row.room}/{_ROOM_END}"
        return sorted(found)


def disk_store(folder: Path) -> MemoryStore:
    """Return a store whose ledger holds nothing of any call, and counts none."""
    store = MemoryStore()
    ledger = store.ledger
    ledger.calls = store.calls = _Nothing()
    store.answers = _on_disk(folder / "answers.db")
    ledger.holds = _on_disk(folder / "holds.db")
    ledger.rows, ledger.booked = _on_disk(folder / "rows.db"), _on_disk(folder / "booked.db")
    ledger.entries = _on_disk(folder / "entries.db")
    ledger.late, ledger.late_money = _on_disk(folder / "late.db"), cast("Any", _Nothing())
    return store


class SilentQueue(MemoryQueue):
    """Forgets every message."""

    def send(self, jobs: Any) -> None:
        """Forget it."""


class _Nothing(list[Any]):
    def append(self, _: Any) -> None:
        """Forget it."""


def _on_disk(path: Path) -> Any:
    """Return a mapping for a field that is declared as a dict, of which no more is asked."""
    return DiskDict(path)


def _words(key: Any) -> str:
    return key if isinstance(key, str) else "/".join(map(str, key))
