"""Scripted faults: what the next matching requests will suffer.

A request suffers the first pending fault that matches it, and one only. ``after_chunks`` counts
the events of a stream, the one that carries the role included; a fault placed beyond the last
token strikes just before the event that ends the stream: ``[DONE]``, ``message_stop``, or
Bedrock's ``metadata``. What each kind does to an answer that is not streamed stands beside it.

Without an ``operation`` a fault is meant for generation: counting tokens and listing models
suffer none. With one it is meant for requests about files and batches, where each line of a
download is a chunk, and all other answers are as those that are not streamed: the request has
taken effect when its answer is spoilt, but not when a ``status`` takes its place. The kinds that
begin with ``batch_`` befall the batch that a create makes, whatever else befalls the create.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from local.simulator.batches.schedule import Course
from local.simulator.books import Protocol, Sale

Count = Annotated[int, msgspec.Meta(ge=0)]
Times = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
ErrorStatus = Annotated[int, msgspec.Meta(ge=400, le=599)]

Operation = Literal[
    "files.create",
    "files.list",
    "files.retrieve",
    "files.content",
    "files.delete",
    "batches.create",
    "batches.list",
    "batches.retrieve",
    "batches.cancel",
    "batches.delete",
    "batches.results",
]
"""What is asked of a provider beside generation; the names are those of the SDKs' methods."""


class Errand(msgspec.Struct, frozen=True):
    """A request about files or batches, as faults see it."""

    provider: str
    protocol: Protocol
    operation: Operation


Subject = Sale | Errand
"""What a fault may strike."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests: each named property must be equal; nothing named matches all."""

    model: str | None = None
    provider: str | None = None
    protocol: Protocol | None = None
    stream: bool | None = None
    operation: Operation | None = None

    def fits(self, subject: Subject) -> bool:
        """Tell whether a request is one of those meant; ``model`` is its name without a date."""
        actual = _properties(subject)
        wanted = msgspec.structs.asdict(self)
        fits = all(want is None or want == actual.get(name) for name, want in wanted.items())
        return fits and self.operation == actual.get("operation")


def _properties(subject: Subject) -> dict[str, object]:
    if isinstance(subject, Errand):
        return msgspec.structs.asdict(subject)
    return {
        "provider": subject.model.provider,
        "model": subject.model.id,
        "protocol": subject.protocol,
        "stream": subject.stream,
    }


class _Fault(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"
):
    times: Times = 1
    match: Match = Match()


class Status(_Fault, frozen=True, kw_only=True, tag="status"):
    """An error instead of an answer; nothing is billed. ``retry_after`` is in seconds."""

    status: ErrorStatus
    retry_after: int | None = None


class Disconnect(_Fault, frozen=True, kw_only=True, tag="disconnect"):
    """The connection drops; not streamed: in the middle of the body."""

    after_chunks: Count = 0


class Stall(_Fault, frozen=True, kw_only=True, tag="stall"):
    """Silence for some seconds, then the rest; not streamed: silence before the body."""

    after_chunks: Count = 0
    seconds: Seconds


class Malformed(_Fault, frozen=True, kw_only=True, tag="malformed"):
    """One event is cut in half and the rest follows; not streamed: the body is cut in half."""

    after_chunks: Count = 0


class SlowFirstByte(_Fault, frozen=True, kw_only=True, tag="slow_first_byte"):
    """Silence for some seconds before the status line."""

    seconds: Seconds


class WrongUsage(_Fault, frozen=True, kw_only=True, tag="usage"):
    """The answer reports ``value`` as its usage; the books stay right."""

    value: object

    def __post_init__(self) -> None:
        if self.match.operation is not None:
            raise ValueError("usage: only generation reports it")


class Truncate(_Fault, frozen=True, kw_only=True, tag="truncate"):
    """The stream ends in good order but early; not streamed: as ``malformed``."""

    after_chunks: Count = 0


class ErrorEvent(_Fault, frozen=True, kw_only=True, tag="error_event"):
    """The stream says in the protocol's own way that it failed, and ends; not streamed: ``status``.

    ``status`` picks the error's type, as it would for an error instead of an answer.
    """

    after_chunks: Count = 0
    status: ErrorStatus = 500


class LostAnswer(_Fault, frozen=True, kw_only=True, tag="lost_answer"):
    """The connection drops with nothing said, or ``status`` is said; operations only.

    ``effect``: the request was carried out all the same, which its client cannot know.
    """

    status: ErrorStatus | None = None
    effect: bool = True

    def __post_init__(self) -> None:
        if self.match.operation is None:
            raise ValueError("lost_answer: match.operation must name one")


class BatchInvalid(_Fault, frozen=True, kw_only=True, tag="batch_invalid"):
    """The batch fails its validation: later where the protocol has that state, else at once.

    ``code``: it fails for this limit of the account's, and for no line; OpenAI's only.
    """

    code: Literal["token_limit_exceeded", "billing_hard_limit_reached"] | None = None


class BatchBadLines(_Fault, frozen=True, kw_only=True, tag="batch_bad_lines"):
    """A share of the batch's lines, spread evenly, end in an error."""

    share: Share
    status: ErrorStatus = 500


class BatchPartial(_Fault, frozen=True, kw_only=True, tag="batch_partial"):
    """Only the first ``share`` of the lines have their turn before the batch expires; 0: none."""

    share: Share = 0


Fault = (
    Status
    | Disconnect
    | Stall
    | Malformed
    | SlowFirstByte
    | WrongUsage
    | Truncate
    | ErrorEvent
    | LostAnswer
    | BatchInvalid
    | BatchBadLines
    | BatchPartial
)
COURSES = (BatchInvalid, BatchBadLines, BatchPartial)


class FaultPlan:
    """The pending faults, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, body: bytes) -> int:
        """Append a JSON list of faults and return how many strikes are pending in all.

        Raises ``msgspec.MsgspecError`` for anything that is not such a list; nothing is added.
        """
        for fault in msgspec.json.decode(body, type=list[Fault]):
            self._pending.extend([fault] * fault.times)
        return len(self._pending)

    def take(self, subject: Subject) -> Fault | None:
        """Remove and return the fault that this request suffers, if any."""
        for place, fault in enumerate(self._pending):
            if not isinstance(fault, COURSES) and fault.match.fits(subject):
                return _unstreamed(self._pending.pop(place), subject)
        return None

    def course(self, errand: Errand) -> Course:
        """Remove what befalls the batch that a create makes, one fault of each kind."""
        struck = {
            type(fault): fault for fault in reversed(self._pending) if _befalls(fault, errand)
        }
        for fault in struck.values():
            self._pending.remove(fault)
        made: dict[str, object] = {}
        for fault in struck.values():
            made |= _course_fields(fault)
        return msgspec.convert(made, Course)

    def reset(self) -> None:
        """Forget every pending fault."""
        self._pending.clear()


def _befalls(fault: Fault, errand: Errand) -> bool:
    meant = msgspec.structs.replace(fault.match, operation=errand.operation)
    return isinstance(fault, COURSES) and meant.fits(errand)


def _course_fields(fault: Fault) -> dict[str, object]:
    match fault:
        case BatchInvalid(code=code):
            return {"invalid": True, "code": code}
        case BatchBadLines(share=share, status=status):
            return {"failing": share, "status": status}
        case BatchPartial(share=share):
            return {"done": share}
    return {}


def _unstreamed(fault: Fault, subject: Subject) -> Fault:
    if isinstance(fault, ErrorEvent) and not (isinstance(subject, Sale) and subject.stream):
        return Status(status=fault.status)
    return fault
