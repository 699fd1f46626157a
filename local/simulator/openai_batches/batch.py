"""OpenAI's batch object, from ``validating`` to one of its ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from local.simulator.batches.run import Run
from local.simulator.batches.schedule import Schedule
from local.simulator.openai_batches.files import KEPT_SECONDS, StoredFile
from local.simulator.openai_batches.validation import ENDPOINT, Problem

if TYPE_CHECKING:
    from local.simulator.batches.register import Register
    from local.simulator.batches.spool import Pile

Json = dict[str, object]
Status = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
CANCELLABLE = frozenset({"validating", "in_progress", "finalizing"})


@dataclass
class Batch:
    """One batch; ``run`` is None where ``problems`` make it fail. Times are epoch seconds."""

    id: str
    account: str
    input_file_id: str
    metadata: dict[str, str] | None
    schedule: Schedule
    model: str | None
    problems: list[Problem]
    run: Run | None = None
    output_seconds: int = KEPT_SECONDS
    outputs: dict[str, str] = field(default_factory=dict)

    def status(self, now: float) -> Status:
        """Return where the batch stands."""
        run = self.run
        if run is not None and run.canceled_at is not None:
            return "cancelled" if self._over(now) else "cancelling"
        if now < self.schedule.begins:
            return "validating"
        if run is None:
            return "failed"
        if self._over(now):
            return "expired" if run.tally.unfinished else "completed"
        return "finalizing" if run.sealed and now >= run.worked_until else "in_progress"

    def shown(self, now: float) -> Json:
        """Return the ``batch`` object."""
        status = self.status(now)
        problems = [problem.shown() for problem in self.problems]
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "model": self.model,
            "errors": {"object": "list", "data": problems} if status == "failed" else None,
            "input_file_id": self.input_file_id,
            "completion_window": "24h",
            "status": status,
            "output_file_id": self._output("good", now),
            "error_file_id": self._output("bad", now),
            **self._times(status, now),
            "request_counts": self._counts(status),
            "usage": self._usage(now),
            "metadata": self.metadata,
        }

    def put_out(self, files: Register[StoredFile]) -> None:
        """Turn the results into files, which are there once the batch is over."""
        if self.run is None:
            return
        for kind, pile in (("good", self.run.good), ("bad", self.run.bad)):
            if len(pile):
                file = self._file(kind, pile, self.run.ends)
                files.add(file)
                self.outputs[kind] = file.id
        self.run.clear_away()

    def _file(self, kind: str, pile: Pile, at: float) -> StoredFile:
        named = f"{self.id}_{'output' if kind == 'good' else 'error'}.jsonl"
        return StoredFile(
            f"file-{uuid4().hex[:24]}",
            self.account,
            named,
            "batch_output",
            at,
            at + self.output_seconds,
            pile.shuffled(),
        )

    def _over(self, now: float) -> bool:
        return self.run is not None and self.run.sealed and now >= self.run.ends

    def _output(self, kind: str, now: float) -> str | None:
        return self.outputs.get(kind) if self._over(now) else None

    def _counts(self, status: Status) -> Json:
        if self.run is None or status == "validating":
            return {"total": 0, "completed": 0, "failed": 0}
        tally = self.run.tally
        failed = tally.errored + tally.unfinished
        return {"total": self.schedule.total, "completed": tally.succeeded, "failed": failed}

    def _usage(self, now: float) -> Json | None:
        if self.run is None or not self._over(now):
            return None
        tally = self.run.tally
        return {
            "input_tokens": tally.prompt,
            "input_tokens_details": {"cached_tokens": tally.cached},
            "output_tokens": tally.completion,
            "output_tokens_details": {"reasoning_tokens": tally.reasoning},
            "total_tokens": tally.prompt + tally.completion,
        }

    def _times(self, status: Status, now: float) -> Json:
        schedule, run = self.schedule, self.run
        begun = status != "failed" and now >= schedule.begins
        worked = run.worked_until if run is not None and run.sealed else None
        ended = run.ends if run is not None and self._over(now) else None
        canceled = run.canceled_at if run is not None else None
        finalizing = worked if status in {"finalizing", "completed", "expired"} else None
        moments = {
            "created_at": schedule.created,
            "in_progress_at": schedule.begins if begun else None,
            "expires_at": schedule.expires,
            "finalizing_at": finalizing,
            "completed_at": ended if status == "completed" else None,
            "failed_at": schedule.begins if status == "failed" else None,
            "expired_at": schedule.expires if status == "expired" else None,
            "cancelling_at": canceled,
            "cancelled_at": ended if status == "cancelled" else None,
        }
        return {name: None if at is None else int(at) for name, at in moments.items()}
