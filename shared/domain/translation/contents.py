"""Texts, images and cache markers, from parts of OpenAI chat to blocks of Anthropic and back.

Anthropic refuses a text block without a visible character, so such parts are left out. A
marker's default lifetime becomes the other side's default, both written at 1.25 times the input
price; an hour becomes OpenAI's only value, 30 minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from shared.domain.translation.untranslatable import CHAT, MESSAGES, Untranslatable

_DATA_URL: Final = re.compile(r"data:image/(jpe?g|png|gif|webp);base64,(.+)", re.DOTALL)

Json = dict[str, Any]


def blocks_from(content: str | list[Json] | None, path: str) -> Iterator[Json]:
    """Yield the Anthropic blocks of a chat message's content.

    Where only text may stand, the chat schema takes a part without its type.
    """
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for index, part in enumerate(content or ()):
        kind = part.get("type", "text")
        if kind == "image_url":
            yield {**_image_block(part["image_url"]["url"], f"{path}[{index}]"), **_marker(part)}
        else:
            text = part["refusal"] if kind == "refusal" else part["text"]
            if text.strip():
                yield {"type": "text", "text": text, **_marker(part)}


def shortest(blocks: list[Json]) -> str | list[Json]:
    """Return the text alone where the blocks are one text without a marker."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks


def is_marked(parts: object) -> bool:
    """Tell whether a cache marker sits on a part of a chat message's content."""
    return isinstance(parts, list) and any(part.get("prompt_cache_breakpoint") for part in parts)


def _marker(part: Json) -> Json:
    return {"cache_control": {"type": "ephemeral"}} if part.get("prompt_cache_breakpoint") else {}


def _image_block(url: str, path: str) -> Json:
    if url.startswith("https://"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    found = _DATA_URL.fullmatch(url)
    if found is None:
        why = "Images are JPEG, PNG, GIF or WebP in base64 there."
        raise Untranslatable(f"{path}.image_url.url", why, to=MESSAGES)
    media_type = "image/" + found[1].replace("jpg", "jpeg")
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": media_type, "data": found[2]},
    }


def parts_from(content: str | Iterable[Json] | None, path: str) -> Iterator[Json]:
    """Yield the chat parts of Anthropic text, image and document blocks."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for index, block in enumerate(content or ()):
        yield part_from(block, f"{path}[{index}]")


def part_from(block: Json, path: str) -> Json:
    """Return the chat part of an Anthropic text, image or document block."""
    return {**_part(block, path), **chat_marker(block)}


def chat_marker(block: Json) -> Json:
    """Return the chat form of a block's cache marker, or nothing."""
    marker = block.get("cache_control")
    if not marker:
        return {}
    lifetime = {"ttl": "30m"} if marker.get("ttl") == "1h" else {}
    return {"prompt_cache_breakpoint": {"mode": "explicit", **lifetime}}


def _part(block: Json, path: str) -> Json:
    match block["type"]:
        case "image":
            return {"type": "image_url", "image_url": {"url": _image_url(block, path)}}
        case "document":
            return {"type": "text", "text": _document_text(block, path)}
    return {"type": "text", "text": block["text"]}


def _image_url(block: Json, path: str) -> str:
    if (block.get("transformations") or {}).get("oversized_image") == "error":
        why = "Large images are always scaled down there."
        raise Untranslatable(f"{path}.transformations.oversized_image", why, to=CHAT)
    source = block["source"]
    if source["type"] == "url":
        return str(source["url"])
    return f"data:{source['media_type']};base64,{source['data']}"


def _document_text(block: Json, path: str) -> str:
    """Return a text document with its title and context above it."""
    if (block.get("citations") or {}).get("enabled"):
        raise Untranslatable(f"{path}.citations", "Documents are not cited there.", to=CHAT)
    above = [block[name] for name in ("title", "context") if block.get(name)]
    return "\n\n".join([*above, block["source"]["data"]])
