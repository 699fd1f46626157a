"""What the Messages protocol has and this gateway refuses, by name and with the reason."""

from __future__ import annotations

from typing import Any, Final

from shared.domain.errors import InvalidRequest

REFUSED: Final = {
    "container": "Containers run code that is billed by time, which is not priced yet.",
    "diagnostics": "Cache diagnostics compare calls of one account, and the gateway shares one.",
    "inference_geo": "Regional inference has its own rates, which are not priced yet.",
    "mcp_servers": "Remote tools are called by the provider and are not priced yet.",
    "context_management": "Context edits are a beta whose tokens are not priced yet.",
    "user_profile_id": "Calls are attributed to the gateway's key, not to a provider's profile.",
    "workspace_id": "The gateway chooses the workspace that pays.",
}
"""Fields of the protocol that are refused by name, and why."""

REFUSED_VALUES: Final = {
    ("service_tier", "auto"): "Priority capacity is not priced yet. Send standard_only.",
    ("speed", "fast"): "Fast mode has its own rates, which are not priced yet. Leave it out.",
}
"""Values of served fields that are refused, and why."""

_HOSTED: Final = "is run by the provider and billed in ways that are not priced yet."
_HIDDEN_PROMPT: Final = "adds a hidden prompt that has no bound yet. Define it as your own tool."

REFUSED_TOOLS: Final = {
    "web_search_": _HOSTED,
    "web_fetch_": _HOSTED,
    "code_execution_": _HOSTED,
    "tool_search_": _HOSTED,
    "mcp_toolset": _HOSTED,
    "bash_": _HIDDEN_PROMPT,
    "text_editor_": _HIDDEN_PROMPT,
    "memory_": _HIDDEN_PROMPT,
    "computer_": _HIDDEN_PROMPT,
    "browser_": _HIDDEN_PROMPT,
}
"""Tool types by what they start with, and why they are refused."""

_HOSTED_HISTORY: Final = "belongs to a tool that the provider runs, which is not priced yet."

REFUSED_TYPES: Final = {
    "search_result": "is not served yet. Send its text as a text block.",
    "server_tool_use": _HOSTED_HISTORY,
    "web_search_tool_result": _HOSTED_HISTORY,
    "web_fetch_tool_result": _HOSTED_HISTORY,
    "code_execution_tool_result": _HOSTED_HISTORY,
    "bash_code_execution_tool_result": _HOSTED_HISTORY,
    "text_editor_code_execution_tool_result": _HOSTED_HISTORY,
    "tool_search_tool_result": _HOSTED_HISTORY,
    "tool_reference": _HOSTED_HISTORY,
    "container_upload": _HOSTED_HISTORY,
    "browser_state": _HOSTED_HISTORY,
    "file": "points into the account of the gateway, which callers do not share. Send the data.",
    "content": "is not served in a document. Send its parts as text and image blocks.",
    "mid_conv_system": "is not served. Send a message with role system.",
}
"""Types of content blocks and sources that are refused, and why."""

_DOCUMENTS: Final = "A document is served as text only: pages of a PDF have no bound yet."


def refuse_by_name(body: dict[str, Any]) -> None:
    """Raise :class:`InvalidRequest` for a field, value or tool that is refused with a reason."""
    for field, reason in REFUSED.items():
        if body.get(field) is not None:
            raise InvalidRequest(f"{field} is refused. {reason}", param=field)
    for (field, value), reason in REFUSED_VALUES.items():
        if body.get(field) == value:
            raise InvalidRequest(f"{field}: {value} is refused. {reason}", param=field)
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        _refuse_tool(tool, f"tools[{index}].type")


def _refuse_tool(tool: object, param: str) -> None:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if not isinstance(kind, str) or kind == "custom":
        return
    for start, reason in REFUSED_TOOLS.items():
        if kind.startswith(start):
            raise InvalidRequest(f"The tool {kind} is refused: it {reason}", param=param)


def explained(text: str, path: str) -> str:
    """Return the text of a validation error, with the reason where its type is a known one."""
    named = text.removeprefix("Invalid value ").removeprefix("Invalid enum value ").strip("'")
    if named == text or not path.endswith(".type"):
        return text
    if path.endswith("].source.type") and named in {"base64", "url"}:
        return _DOCUMENTS
    if named in REFUSED_TYPES:
        return f"{named} is refused: it {REFUSED_TYPES[named]}"
    return text
