"""What makes a whole batch fail before any of its lines is answered.

Codes are those that Microsoft documents for the same service ("Batch error codes" in Azure
OpenAI's batch guide); OpenAI's own guide names none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from local.simulator.batches.spool import Spool
    from local.simulator.prices import PriceList

Json = dict[str, object]

MOST_LINES = 50_000
MOST_BYTES = 200 * 1_000_000
MOST_ERRORS = 100
"""Shown of a file in which everything is wrong."""
PROVIDER = "openai"
ENDPOINT = "/v1/chat/completions"


class Named(msgspec.Struct, frozen=True):
    """What is needed of a line's body."""

    model: str


class InputLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of an input file."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


@dataclass(frozen=True)
class Problem:
    """One reason to fail, of one line or (0) of the file."""

    code: str
    message: str
    line: int = 0
    param: str | None = None

    def shown(self) -> Json:
        """Return one of a batch's ``errors``."""
        return {
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "line": self.line or None,
        }


@dataclass
class Verdict:
    """What was found in a file."""

    lines: int = 0
    model: str | None = None
    problems: list[Problem] = field(default_factory=list)


def validate(text: Spool, prices: PriceList) -> Verdict:
    """Read a whole input file once."""
    verdict = Verdict()
    if text.size > MOST_BYTES:
        verdict.problems.append(Problem("file_too_large", f"The limit is {MOST_BYTES} bytes."))
        return verdict
    seen: set[str] = set()
    for number, line in enumerate(text.lines(), start=1):
        verdict.lines = number
        if number <= MOST_LINES and len(verdict.problems) < MOST_ERRORS:
            verdict.problems += _problems(number, line, verdict, seen, prices)
    if verdict.lines > MOST_LINES:
        said = f"The file has {verdict.lines} lines; the limit is {MOST_LINES}."
        verdict.problems.append(Problem("too_many_tasks", said))
    if verdict.lines == 0:
        verdict.problems.append(Problem("empty_file", "The file has no lines."))
    return verdict


def _problems(
    number: int, line: bytes, verdict: Verdict, seen: set[str], prices: PriceList
) -> Iterator[Problem]:
    read = _read(number, line)
    if isinstance(read, Problem):
        yield read
        return
    task, model = read
    if task.custom_id in seen:
        said = f"The custom_id '{task.custom_id}' is used more than once."
        yield Problem("duplicate_custom_id", said, number, "custom_id")
    seen.add(task.custom_id)
    if task.method != "POST":
        yield Problem("invalid_method", "The method must be POST.", number, "method")
    if task.url != ENDPOINT:
        said = f"The URL must be the batch's endpoint, {ENDPOINT}."
        yield Problem("url_mismatch", said, number, "url")
    yield from _of_model(number, model, verdict, prices)


def _of_model(number: int, model: str, verdict: Verdict, prices: PriceList) -> Iterator[Problem]:
    if prices.find(PROVIDER, model) is None:
        said = f"The provided model '{model}' is not supported by the Batch API."
        yield Problem("model_not_found", said, number, "body.model")
        return
    verdict.model = verdict.model or model
    if model != verdict.model:
        said = f"The batch is for '{verdict.model}'; all lines must name the same model."
        yield Problem("model_mismatch", said, number, "body.model")


def _read(number: int, line: bytes) -> tuple[InputLine, str] | Problem:
    try:
        plain: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = "This line is not parseable as valid JSON."
        return Problem("invalid_json_line", said, number)
    try:
        task = msgspec.json.decode(line, type=InputLine)
        return task, msgspec.convert(plain["body"], Named).model
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        return Problem("invalid_request", str(error), number)
