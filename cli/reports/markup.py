"""HTML written so that nothing is forgotten to be escaped: text is text unless it is ``Html``."""

from __future__ import annotations

from html import escape
from typing import Final


class Html(str):
    """Markup that was built here; any other string is text."""

    __slots__ = ()


Child = str | int | float | None
_EMPTY: Final = frozenset({"meta", "br"})


def element(tag: str, *children: Child, **attributes: str | float | None) -> Html:
    """Return an element; ``class_`` is the attribute ``class`` and ``_`` in names becomes ``-``."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{joined(*children)}</{tag}>")


def joined(*children: Child) -> Html:
    """Return children side by side, escaped unless they are markup; None says nothing."""
    return Html("".join(_written(child) for child in children if child is not None))


def _written(child: str | float) -> str:
    return child if isinstance(child, Html) else escape(str(child))
