"""Keys are confirmed by their whole row, kept for a minute, and never too many."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from shared.adapters.memory import MemoryStore
from shared.domain.api_keys import PresentedKey
from shared.domain.entries import KeyRow
from shared.domain.errors import Unauthorized
from shared.usecases import admission as admission_module
from shared.usecases.admission import Admission

ROW = KeyRow("search.1", "dev", "search", "d" * 64, "", 1)
KEY = PresentedKey("dev", "search", "d" * 64)


def admission_of(*rows: KeyRow) -> tuple[Admission, MemoryStore]:
    store = MemoryStore()
    for row in rows:
        store.keys["search", row.digest] = row
    return Admission(store, lambda: 100.0, "dev"), store


def test_a_confirmed_key_is_read_once_in_a_while() -> None:
    admission, store = admission_of(ROW)
    for _ in range(3):
        assert asyncio.run(admission.confirm(KEY)) == ROW
    assert store.calls == ["look_up"]


@pytest.mark.parametrize(
    "change",
    [{"environment": "prod"}, {"team": "other"}, {"digest": "e" * 64}, {"revoked_at": 5}],
)
def test_a_row_that_says_anything_else_is_no_key(change: dict[str, object]) -> None:
    admission, store = admission_of(ROW)
    store.keys["search", KEY.digest] = dataclasses.replace(ROW, **change)  # type: ignore[arg-type]
    with pytest.raises(Unauthorized):
        asyncio.run(admission.confirm(KEY))


def test_the_memory_of_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, "_KEPT_KEYS", 2)
    rows = [dataclasses.replace(ROW, digest=letter * 64) for letter in "abc"]
    admission, store = admission_of(*rows)
    for row in [*rows, rows[2], rows[0]]:
        asyncio.run(admission.confirm(PresentedKey("dev", "search", row.digest)))
    assert store.calls == ["look_up"] * 4, "the oldest was forgotten, the newest was not"
