"""Content blocks of Anthropic Messages as Converse's, and which of them it cannot carry.

Source of the shapes: the service model of ``bedrock-runtime`` in botocore 1.44 and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html. What is not
translated here is refused by name, never left out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

from shared.domain.errors import InvalidRequest
from shared.domain.translation.untranslatable import CONVERSE, Untranslatable

Json = dict[str, Any]

_BELONGS_TO_NOBODY: Final = frozenset({"type", "cache_control"})
_SAYS_NOTHING: Final = {"caller": ({"type": "direct"},), "citations": ([],)}
"""Values that ask for what Converse does anyway."""


def parts_of(content: str | list[Json], path: str) -> list[Json]:
    """Return the content of a message or of the instructions, cache points included.

    Raises ``Untranslatable`` or ``InvalidRequest`` naming the block below ``path``.
    """
    if isinstance(content, str):
        return [{"text": content}]
    return [
        part
        for index, block in enumerate(content)
        for part in (_part(block, f"{path}[{index}]"), *cache_point(block))
    ]


def cache_point(marked: Json) -> list[Json]:
    """Return the cache point that stands behind a block or tool with ``cache_control``."""
    mark = marked.get("cache_control")
    if mark is None:
        return []
    lasting = {"ttl": mark["ttl"]} if mark.get("ttl") else {}
    return [{"cachePoint": {"type": "default", **lasting}}]


def refuse_rest(given: Json, known: frozenset[str], path: str) -> None:
    """Raise ``Untranslatable`` for a field that is set and not among the known ones."""
    for name, value in given.items():
        if name in known or value is None or value in _SAYS_NOTHING.get(name, ()):
            continue
        raise Untranslatable(f"{path}.{name}", "There is no such field there.", to=CONVERSE)


def _part(block: Json, path: str) -> Json:
    translate, known = _TRANSLATIONS.get(block["type"], (None, ()))
    if translate is None:
        why = f"A block of type {block['type']} cannot be sent there."
        raise Untranslatable(path, why, to=CONVERSE)
    refuse_rest(block, _BELONGS_TO_NOBODY | frozenset(known), path)
    return translate(block, path)


def _text(block: Json, path: str) -> Json:
    return {"text": block["text"]}


def _image(block: Json, path: str) -> Json:
    source = block["source"]
    if source["type"] != "base64":
        why = "Images are taken as data only, not by URL."
        raise Untranslatable(f"{path}.source", why, to=CONVERSE)
    kind = source["media_type"].removeprefix("image/")
    return {
        "image": {"format": kind, "source": {"bytes": _decoded(source["data"], f"{path}.source")}}
    }


def _thinking(block: Json, path: str) -> Json:
    signed = {"signature": block["signature"]} if block["signature"] else {}
    return {"reasoningContent": {"reasoningText": {"text": block["thinking"], **signed}}}


def _redacted_thinking(block: Json, path: str) -> Json:
    return {"reasoningContent": {"redactedContent": _decoded(block["data"], path)}}


def _tool_use(block: Json, path: str) -> Json:
    return {
        "toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]},
    }


def _tool_result(block: Json, path: str) -> Json:
    content = block.get("content") or []
    parts = parts_of(content, f"{path}.content")
    if any("cachePoint" in part for part in parts):
        why = "A result is cached as a whole: mark the tool_result itself."
        raise Untranslatable(f"{path}.content", why, to=CONVERSE)
    failed = {"status": "error"} if block.get("is_error") else {}
    return {"toolResult": {"toolUseId": block["tool_use_id"], "content": parts, **failed}}


def _decoded(data: str, path: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"{path} is not valid base64.", param=path) from None


_Translation = tuple[Callable[[Json, str], Json], tuple[str, ...]]
_TRANSLATIONS: Final[dict[str, _Translation]] = {
    "text": (_text, ("text",)),
    "image": (_image, ("source",)),
    "thinking": (_thinking, ("thinking", "signature")),
    "redacted_thinking": (_redacted_thinking, ("data",)),
    "tool_use": (_tool_use, ("id", "name", "input")),
    "tool_result": (_tool_result, ("tool_use_id", "content", "is_error")),
}
"""By the type of block: its translation, and the fields that this reads."""
