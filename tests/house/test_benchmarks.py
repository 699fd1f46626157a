"""The document of the benchmarks says what the runs that are kept have found."""

from __future__ import annotations

import pytest

from benchmarks import report, results

RESULTS = results.read_all()


def test_the_document_is_written_from_the_runs_that_are_kept() -> None:
    assert RESULTS
    kept = report.document(RESULTS, results.read_deferred())
    assert report.DOCUMENT.read_text(encoding="utf-8") == kept


@pytest.mark.parametrize("name", RESULTS)
def test_a_run_that_is_kept_says_where_it_was_made_and_measured_everything(name: str) -> None:
    run = RESULTS[name]
    assert run.machine.versions.keys() >= {"botocore", "uvicorn", "starlette"}
    for found in run.contenders.values():
        assert len(found.starts.cpu_seconds) == run.rounds
        for sample in found.alone.values():
            assert len(sample.cpu_ms) == len(sample.first_byte_ms) == run.rounds
