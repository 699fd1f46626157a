"""Where the lines of a batch go while they are read: on disk, each kind in a file of its own."""

from __future__ import annotations

import hashlib
from array import array
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from shared.domain.batches.records import PlannedLine, Schema, planned_in, written
from shared.domain.prompt_cache import ALIKE_FOR_AN_HOUR, lasting
from shared.domain.schema_asked import schema_part
from shared.usecases.batches.spool import RankedSpool, Spool

MOST_SCHEMA_BYTES: Final = 4 * 1024 * 1024
"""A batch's different schemas are held in memory when it is settled; lines with more are not judged
by theirs."""

_canonical: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass
class SortedLines:
    """What a batch's lines have come to so far."""

    stack: ExitStack
    groups: dict[tuple[str, str], RankedSpool] = field(default_factory=dict)
    records: Spool = field(default_factory=Spool)
    hits: Spool = field(default_factory=Spool)
    twins: Spool = field(default_factory=Spool)
    schemas: Spool = field(default_factory=Spool)
    first: dict[str, int] = field(default_factory=dict)
    most: array[int] = field(default_factory=lambda: array("q"))
    succeeded: int = 0
    _prefixes: dict[str, int] = field(default_factory=dict)
    _known_schemas: set[str] = field(default_factory=set)
    _schema_bytes: int = 0

    def __post_init__(self) -> None:
        """Have the files closed with the others."""
        for file in (self.records, self.hits, self.twins, self.schemas):
            self.stack.enter_context(file)

    def plan(self, line: PlannedLine, prefix: str) -> None:
        """Put a line beside those that begin alike: a provider's prompt cache is hit by them."""
        place = (line.entry.provider, line.entry.model)
        if place not in self.groups:
            self.groups[place] = RankedSpool(_in_company)
            self.stack.enter_context(self.groups[place])
        rank = self._prefixes.setdefault(prefix, len(self._prefixes))
        self.groups[place].add_ranked(written(line), rank, may_change=line.may_last)
        self.most.append(line.held)

    def judged(self, line: PlannedLine, body: dict[str, Any]) -> PlannedLine:
        """Return a line that remembers which schema its call asked for, if it asked for one."""
        part = schema_part(body)
        if part is None:
            return line
        asked = _canonical(part)
        digest = hashlib.sha256(asked).hexdigest()[:32]
        if not self._keeps(digest, asked):
            return line
        return msgspec.structs.replace(line, wish=replace(line.wish, is_judged=True, schema=digest))

    @property
    def total(self) -> int:
        """How many lines there are."""
        return len(self.most) + self.records.lines + self.twins.lines

    def _keeps(self, digest: str, asked: bytes) -> bool:
        if digest in self._known_schemas:
            return True
        if self._schema_bytes + len(asked) > MOST_SCHEMA_BYTES:
            return False
        self._known_schemas.add(digest)
        self._schema_bytes += len(asked)
        self.schemas.add(written(Schema(digest, msgspec.Raw(asked))))
        return True


def _in_company(line: bytes, alike: int) -> bytes:
    """Return a planned line as it is sent among so many that start the same way."""
    if alike < ALIKE_FOR_AN_HOUR:
        return line
    [planned] = planned_in([line])
    body = msgspec.json.encode(lasting(msgspec.json.decode(planned.body)))
    return written(msgspec.structs.replace(planned, body=msgspec.Raw(body)))
