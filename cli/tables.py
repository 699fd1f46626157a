"""Tables for a terminal, all alike: a line under the headings, and what users wrote taken as is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

Cell = str | Text


def one_line(name: str, *, is_number: bool = False) -> Column:
    """Return a column that gives way last: an amount cut in two reads as another amount."""
    return Column(name, no_wrap=True, justify="right" if is_number else "left")


def giving_way(name: str) -> Column:
    """Return a column that is folded where the terminal is narrow, so that others stay whole."""
    return Column(name, overflow="fold", min_width=8)


def table_of(columns: Sequence[str | Column], rows: Iterable[Sequence[Cell]]) -> Table:
    """Return a table; a cell that is a text is printed literally, whatever brackets it has."""
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table
