"""Which jobs go together, and the files that say so."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.freshness import Freshness
from shared.domain.jobs.ids import batch_id, custom_id, job_id, line_number, request_of
from shared.domain.jobs.job import ANY_COMPANY, Held, Waiting, Wish
from shared.domain.jobs.lines import AskedLine, Line, Planned
from shared.domain.jobs.manifest import (
    Manifest,
    ManifestWriter,
    input_in,
    input_part,
    plan_in,
    plan_parts,
)
from shared.domain.jobs.planning import Limits, due_groups
from shared.domain.jobs.seen import Seen
from shared.domain.jobs.times import JobTimes
from tests.contracts.test_store import ENTRY

TIMES = JobTimes()
PLENTY = Limits(50_000, 200_000_000)
HOUR = 3600.0


def waiting(number: int, *, hours: float = 24, go_at: float = 500.0, **more: object) -> Waiting:
    row = Waiting(
        room="openai/m",
        go_at=go_at,
        team="search",
        job=f"job_{number:032x}",
        deadline=hours * HOUR,
        prefix="p",
        size=1000,
        company=ANY_COMPANY,
        expires_at=0,
        since=0.0,
    )
    return replace(row, **more)  # type: ignore[arg-type]


def test_nobody_goes_before_one_of_them_must() -> None:
    rows = [waiting(n) for n in range(5)]
    assert due_groups(rows, 499.0, TIMES, PLENTY) == []
    [group] = due_groups(rows, 500.0, TIMES, PLENTY)
    assert len(group.rows) == 5


def test_a_full_batch_goes_at_once_and_no_batch_is_over_its_limits() -> None:
    rows = [waiting(n) for n in range(25)]
    groups = due_groups(rows, 0.0, TIMES, Limits(10, 10**9))
    assert [len(group.rows) for group in groups] == [10, 10, 5]
    groups = due_groups(rows, 0.0, TIMES, Limits(100, 5_100))
    assert {len(group.rows) for group in groups} == {1, 4}
    assert all(group.size <= 5_100 for group in groups)


def test_equal_prefixes_stand_side_by_side() -> None:
    rows = [waiting(n, prefix="ab"[n % 2], go_at=n) for n in range(6)]
    [group] = due_groups(rows, 10.0, TIMES, PLENTY)
    assert [row.prefix for row in group.rows] == ["a", "a", "a", "b", "b", "b"]


def test_a_near_deadline_does_not_make_the_far_ones_go() -> None:
    rows = [waiting(1, hours=1, go_at=0.0), *(waiting(n, hours=24) for n in range(2, 5))]
    [group] = due_groups(rows, 1.0, TIMES, PLENTY)
    assert [row.job for row in group.rows] == [rows[0].job]


def test_the_lines_of_a_refused_batch_go_in_smaller_ones() -> None:
    rows = [waiting(n, company=2) for n in range(4)] + [waiting(9)]
    groups = due_groups(rows, 500.0, TIMES, PLENTY)
    assert sorted(len(group.rows) for group in groups) == [1, 2, 2]


def test_names_lead_back_to_what_they_belong_to() -> None:
    batch = batch_id(1_795_348_800.0, b"\x01" * 12)
    assert line_number(custom_id(batch, 17), batch) == 17
    other = batch_id(1_795_348_801.0, b"\x01" * 12)
    assert line_number(custom_id(other, 17), batch) is None
    assert [line_number(text, batch) for text in ("", "x-1", f"{batch}-01", f"{batch}-")] == [
        None
    ] * 4
    assert len(custom_id(batch, 99_999)) <= 64
    request = "req_" + "0" * 32
    assert request_of(job_id(request)) == request


def test_files_give_back_what_was_written_whatever_pieces_they_come_in() -> None:
    wish = Wish("d", Freshness("default", 60), choices=2, is_judged=True)
    lines = [
        Line("job", f"job_{n}", ENTRY, "k", Held(5, "2026-11-22", 9), wish, 1.5) for n in range(300)
    ]
    writer = ManifestWriter()
    for line in lines:
        writer.add(line)
    whole = b"".join(writer.parts())
    manifest = Manifest(whole[at : at + 7] for at in range(0, len(whole), 7))
    assert [manifest[n] for n in range(len(manifest))] == lines
    plan = [Planned("job", "search", f"job_{n}", n, "openai/m", 1.5) for n in range(3)]
    assert list(plan_in(plan_parts(plan))) == plan
    asked = [AskedLine(f"b-{n}", b'{"a": " b c"}') for n in range(3)]
    sent = b"".join(map(input_part, asked))
    assert list(input_in(sent[at : at + 5] for at in range(0, len(sent), 5))) == asked


def test_lines_that_were_dealt_with_are_remembered_in_a_bit_each() -> None:
    seen = Seen(b"", 100_000)
    for number in (0, 7, 8, 99_999):
        seen.add(number)
    again = Seen(seen.stored(), 100_000)
    assert [n for n in (0, 1, 7, 8, 9, 99_998, 99_999) if n in again] == [0, 7, 8, 99_999]
    assert len(seen.stored()) == 12_500
