"""Every fault of a provider, and what becomes of it: the table that ``test_faults`` proves.

The simulator suffers the fault once. A caller who named a model has no stand-in; one who asked
for a tier is answered by the next model while the provider has not sent a byte.

``named`` and ``tier`` are what those callers see: ``answer``, an HTTP status, or ``200 then``
the status that an error event in the stream stands for. ``source`` is what the settled row of
the spoilt attempt rests on: ``none`` costs nothing, ``estimated`` is charged high and in doubt,
``provider`` is what the provider reported. ``bedrock`` is what callers see of Bedrock where that is
not the same: Converse counts in its last event, so what befalls that one is charged in doubt.

``python -m tests.system.fault_table`` prints the table.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

Sees = Literal["answer", "429", "502", "504", "200 then 502", "200 then 504"]
Source = Literal["none", "estimated", "provider"]

LIMITS: Final = {
    "SLUICE_WHOLE_ANSWER_SECONDS": "8",
    "SLUICE_FIRST_BYTE_SECONDS": "2",
    "SLUICE_STALL_SECONDS": "2",
    "SLUICE_KEEP_ALIVE_SECONDS": "4",
}
"""What makes the stack impatient enough to be tested, and no more: a busy machine takes a second
for what takes a moment, and a caller who is kept waiting meanwhile sees another status."""
INVOCATION_SECONDS: Final = 16
"""Ten are left for the settlement, so a stream that never begins ends after six."""
SILENCE: Final = 60
"""Longer than any limit above, in seconds."""

MOMENTS: Final = {"before": 0, "amid": 8, "at the end": 10_000}
"""Events of the stream before the fault: none, some text in every protocol, all but the last."""

NO_COUNTS: Final = dict.fromkeys(
    ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"), "ten"
)


@dataclass(frozen=True)
class Row:
    """One fault in one kind of call, and what becomes of it."""

    name: str
    stream: bool
    fault: dict[str, Any]
    named: Sees
    tier: Sees
    source: Source
    bedrock: Sees | None = None

    @property
    def falls_back(self) -> bool:
        """Whether another model answers who asked for a tier."""
        return self.tier == "answer" != self.named

    @property
    def is_kept(self) -> bool:
        """Whether the spoilt attempt's answer is cached: it is whole and its usage is known."""
        return self.source == "provider"

    def __str__(self) -> str:
        return f"{self.name}{' (stream)' if self.stream else ''}"


def _status(status: int, named: Sees, source: Source) -> list[Row]:
    fault = {"kind": "status", "status": status}
    return [
        Row(f"status {status}", stream, fault, named, "answer", source) for stream in (False, True)
    ]


def _farewell(kind: str, bedrock: Sees, **fault: Any) -> Row:
    fault = {"kind": kind, "after_chunks": MOMENTS["at the end"], **fault}
    return Row(f"{kind}, at the end", True, fault, "answer", "answer", "provider", bedrock)


def _whole(kind: str, named: Sees, tier: Sees, source: Source, **fault: Any) -> Row:
    return Row(kind, False, {"kind": kind, **fault}, named, tier, source)


def _stream(kind: str, moment: str, named: Sees, tier: Sees, source: Source, **fault: Any) -> Row:
    fault = {"kind": kind, "after_chunks": MOMENTS[moment], **fault}
    return Row(f"{kind}, {moment}", True, fault, named, tier, source)


BROKEN: Final = "200 then 502"
LATE: Final = "200 then 504"

ROWS: Final = [
    *_status(429, "429", "none"),
    *_status(500, "502", "estimated"),
    *_status(503, "502", "none"),
    *_status(529, "502", "none"),
    # An answer in one piece: a silent provider may be at work, so its time is not shared out.
    _whole("slow_first_byte", "504", "504", "estimated", seconds=SILENCE),
    _whole("stall", "504", "504", "estimated", seconds=SILENCE),
    _whole("disconnect", "502", "502", "estimated"),
    _whole("truncate", "502", "502", "estimated"),
    _whole("malformed", "502", "502", "estimated"),
    _whole("error_event", "502", "answer", "estimated"),
    _whole("usage", "answer", "answer", "estimated", value=NO_COUNTS),
    # A stream, before the provider's first byte: who named a model is kept waiting.
    Row("slow_first_byte", True, {"kind": "slow_first_byte", "seconds": SILENCE},
        LATE, "answer", "estimated"),
    _stream("stall", "before", LATE, "answer", "estimated", seconds=SILENCE),
    _stream("disconnect", "before", "502", "answer", "estimated"),
    _stream("truncate", "before", "502", "answer", "estimated"),
    # The provider's first bytes are already wrong: no other model, but still an HTTP status.
    _stream("malformed", "before", "502", "502", "estimated"),
    _stream("error_event", "before", "502", "502", "estimated"),
    # After it has begun to speak.
    _stream("stall", "amid", LATE, LATE, "estimated", seconds=SILENCE),
    _stream("disconnect", "amid", BROKEN, BROKEN, "estimated"),
    _stream("truncate", "amid", BROKEN, BROKEN, "estimated"),
    _stream("malformed", "amid", BROKEN, BROKEN, "estimated"),
    _stream("error_event", "amid", BROKEN, BROKEN, "estimated"),
    # All has been said and counted: what befalls the farewell takes nothing from the answer.
    _farewell("stall", LATE, seconds=SILENCE),
    _farewell("disconnect", "answer"),
    _farewell("truncate", "answer"),
    _farewell("malformed", "answer"),
    _farewell("error_event", "answer"),
    Row("usage", True, {"kind": "usage", "value": NO_COUNTS}, "answer", "answer", "estimated"),
]  # fmt: skip


def as_markdown() -> str:
    """Return the table as it can be quoted; each row holds at both doors."""
    head = ("fault", "stream", "a named model", "a tier", "usage", "cached", "Bedrock")
    rows = [
        (
            row.name,
            _yes(row.stream),
            row.named,
            _of_tier(row),
            row.source,
            _yes(row.is_kept),
            f"{row.bedrock}, estimated, not cached" if row.bedrock else "the same",
        )
        for row in ROWS
    ]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _of_tier(row: Row) -> str:
    return "answer of the next model" if row.falls_back else row.tier


if __name__ == "__main__":
    sys.stdout.write(f"{as_markdown()}\n")
