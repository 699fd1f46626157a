"""Bars as inline SVG. Colours come from the page, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from cli.reports.markup import Html, element, joined

Tone = Literal["plain", "good", "bad", "quiet"]

_WIDTH: Final = 720
_LEAST_LABELS: Final = 150
_FIGURES: Final = 150
_ROW: Final = 34
_BAR: Final = 20
_LEAST: Final = 1.5
"""A bar that is not nothing can be seen."""
_GAP: Final = 8
_TEXT_DROP: Final = 5
"""From the middle of a row to the base line of its text."""
_LONGEST_LABEL: Final = 28
_LETTER: Final = 9
"""The most that a letter takes up on average, in any of the page's fonts."""


@dataclass(frozen=True)
class Bar:
    """A labelled amount, its figure in words, and how it is meant.

    It is drawn from ``start``, which is the axis unless the bars are steps.
    """

    label: str
    amount: Decimal
    figure: str
    tone: Tone = "plain"
    start: Decimal = Decimal(0)

    @property
    def low(self) -> Decimal:
        """Where the bar ends on the left."""
        return min(self.start, self.start + self.amount)

    @property
    def high(self) -> Decimal:
        """Where it ends on the right."""
        return max(self.start, self.start + self.amount)


def bars(title: str, rows: Sequence[Bar]) -> Html:
    """Return a chart of one bar a row; amounts below zero grow to the left of the axis."""
    if not rows:
        return Html("")
    low = min(Decimal(0), *(row.low for row in rows))
    high = max(Decimal(0), *(row.high for row in rows))
    labels = max(_LEAST_LABELS, *(len(_cut(row.label)) * _LETTER for row in rows))
    scale = Decimal(_WIDTH - labels - _FIGURES) / ((high - low) or Decimal(1))
    axis = labels + float(-low * scale)
    height = _ROW * len(rows)
    drawn = [_row(row, index, axis, scale) for index, row in enumerate(rows)]
    return element(
        "svg",
        element("title", title),
        element("line", x1=_px(axis), x2=_px(axis), y1=0, y2=height, class_="axis"),
        *drawn,
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        class_="bars",
    )


def _row(row: Bar, index: int, axis: float, scale: Decimal) -> Html:
    top = index * _ROW + (_ROW - _BAR) / 2
    base = index * _ROW + _ROW / 2 + _TEXT_DROP
    start = axis + float(row.low * scale)
    length = max(float(abs(row.amount) * scale), _LEAST) if row.amount else 0.0
    return joined(
        element("text", _cut(row.label), x=0, y=_px(base), class_="label"),
        element(
            "rect",
            x=_px(start),
            y=_px(top),
            width=_px(length),
            height=_BAR,
            rx=3,
            class_=f"bar {row.tone}",
        ),
        element(
            "text",
            row.figure,
            x=_px(max(start + length, axis) + _GAP),
            y=_px(base),
            class_="figure",
        ),
    )


def _cut(label: str) -> str:
    if len(label) <= _LONGEST_LABEL:
        return label
    return f"{label[: _LONGEST_LABEL - 1]}\N{HORIZONTAL ELLIPSIS}"


def _px(value: float) -> str:
    return f"{value:.1f}"
