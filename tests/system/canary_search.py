"""Strings that must not leak, and the search for them wherever the stack keeps anything."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from urllib.parse import quote, quote_plus

from shared.resources import TEAM_FOLDERS
from tests.system.conftest import Stack

CANARIES = [
    *(f"sk-canary{n:02d}-Zq7hTTvB2mXw9pLr4Kd" for n in range(8)),
    *(f"AKIACANARY{n:02d}ZQ7HTTVB" for n in range(4)),
    *(f"slc_guarded_demo_canary{n:02d}Zq7hTTvB2mXw9pLr4Kd" for n in range(4)),
    *(f"canary{n:02d}.person@private.example" for n in range(8)),
    *(f"4111 1111 1111 9{n:03d}" for n in range(4)),
    *(f"+49 170 555 77{n:02d}" for n in range(4)),
    *(f"DE89 3704 0044 0532 01{n:02d}" for n in range(4)),
    *(f"Ottoline Canary-{n:02d}" for n in range(4)),
]
PART = 12
"""So many characters in a row are a leak: fewer may stand there by chance."""
PAGES = (
    "/metrics",
    "/mailbox",
    "/webhooks",
    "/alarms",
    "/alarms/history",
    "/problems",
    "/denials",
    "/queues",
    "/functions",
    "/schedules",
    "/routers",
)
"""All of the world's own pages; the others show the providers' side."""
KEPT = {
    ("cache_table", "body"),
    ("jobs_table", "content"),
    ("jobs_table", "filename"),
}
"""What a call asked, was answered, and what its caller calls a file."""
KEPT_FILES = (*TEAM_FOLDERS, "-/batches/*/input")
"""A team's own files and answers; what a provider's batch is asked."""


def leaks(text: str) -> list[str]:
    """Return the canaries that a text holds: as they are, a part of them, or encoded."""
    found = {form for form in _every_form() if form in text}
    return [canary for canary in CANARIES if forms(canary) & found]


@cache
def _every_form() -> frozenset[str]:
    return frozenset().union(*map(forms, CANARIES))


@cache
def forms(canary: str) -> frozenset[str]:
    """Return how a string may be written: in any part, escaped, in hexadecimal, in base64.

    What begins a gateway key is no secret: the rest of it is.

    Of what is in base64 the place within the whole is unknown, so its three alignments are told
    by the digits that depend on the string alone.
    """
    raw = canary.encode()
    secret = canary.removeprefix("slc_guarded_demo_")
    parts = {secret[at : at + PART] for at in range(len(secret) - PART + 1)}
    plain = {canary.replace(" ", "-"), canary.replace(" ", ""), quote(canary), quote_plus(canary)}
    coded = {raw.hex(), raw.hex().upper()}
    for ahead in range(3):
        whole = (ahead + len(raw)) // 3 * 4
        digits = base64.b64encode(b"\0" * ahead + raw).decode()[-(-ahead * 4 // 3) : whole]
        coded |= {digits, digits.replace("+", "-").replace("/", "_")}
    return frozenset(parts | plain | coded)


def table_text(stack: Stack, output: str) -> dict[bool, str]:
    """Return all of a table: what is kept for callers, and the rest; what is packed is unpacked."""
    table = stack.world.ground.deployment.outputs[output]
    pages = stack.world.ground.admin.dynamodb.get_paginator("scan").paginate(TableName=table)
    found: dict[bool, list[str]] = {True: [], False: []}
    for page in pages:
        for item in page["Items"]:
            for name, value in item.items():
                told = unpacked(value["B"]) if "B" in value else repr(value)
                found[(output, name) in KEPT].append(f"{name}: {told}")
    return {is_kept: "\n".join(texts) for is_kept, texts in found.items()}


def files_text(stack: Stack) -> Iterator[tuple[str, str]]:
    """Yield the bucket's files by their keys; of those kept for callers the key alone."""
    ground = stack.world.ground
    bucket = ground.deployment.outputs["batches_bucket"]
    s3 = ground.admin.s3
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", []):
            if any(fnmatch(each["Key"], kept) for kept in KEPT_FILES):
                yield each["Key"], each["Key"]
                continue
            body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            yield each["Key"], each["Key"] + unpacked(body)


def unpacked(content: bytes) -> str:
    """Return bytes as text, decompressed where they are compressed."""
    for unpack in (zlib.decompress, gzip.decompress):
        try:
            return unpack(content).decode(errors="replace")
        except (zlib.error, OSError, EOFError):
            continue
    return content.decode(errors="replace")


def places_of(stack: Stack) -> dict[str, str]:
    """Return everything that is kept anywhere, as text."""
    ground = stack.world.ground
    logs = ground.state.logs.iterdir()
    found = {f"log {file.name}": file.read_text(encoding="utf-8") for file in logs}
    found |= {page: json.dumps(stack.look(page), ensure_ascii=False) for page in PAGES}
    tables = [name for name in ground.deployment.outputs if name.endswith("_table")]
    found |= {name: table_text(stack, name)[False] for name in tables}
    found |= {f"file {key}": text for key, text in files_text(stack)}
    return found


def leaking(places: dict[str, str]) -> dict[str, list[str]]:
    """Return the places that hold canaries, and which."""
    return {place: what for place, text in places.items() if (what := leaks(text))}
