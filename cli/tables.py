"""Tables for a terminal, all alike: a line under the headings, and what users wrote taken as is.

A table that is too wide for its terminal is parted into several, one below the other, each with
the names of its rows; where even one column beside the names is too wide, each cell is a line of
its own. A number that is cut reads as another number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

Cell = str | Text
Row = Sequence[Cell]

_LEAST: Final = 8
_WORD: Final = 26
"""A word of a text that gives way is folded beyond this many cells."""
_ROOM: Final = Console(width=10_000)
"""Where tables are measured: it bounds none."""


def one_line(name: str, *, is_number: bool = False) -> Column:
    """Return a column that is never cut; numbers stand right-aligned."""
    return Column(name, no_wrap=True, justify="right" if is_number else "left")


def number(name: str) -> Column:
    """Return a column of numbers."""
    return one_line(name, is_number=True)


def giving_way(name: str) -> Column:
    """Return a column that is folded where the terminal is narrow, so that others stay whole."""
    return Column(name, overflow="fold", min_width=_LEAST)


def table_of(columns: Sequence[str | Column], rows: Iterable[Row]) -> Table:
    """Return a table; a cell that is a text is printed literally, whatever brackets it has."""
    # Copies: a table keeps its cells in its columns.
    own = [each.copy() if isinstance(each, Column) else each for each in columns]
    table = Table(*own, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def print_table(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    names: int = 1,
    total: Row | None = None,
) -> None:
    """Print a table, or several where one is too wide for the console.

    The first ``names`` columns name the rows: each part has them, as one column. ``total`` is a
    last row, set apart.
    """
    every = [*rows, *([] if total is None else [total])]
    needs = [_need(column, [row[n] for row in every]) for n, column in enumerate(columns)]
    if _width(needs) > console.width and names > 1:
        columns = [
            giving_way(", ".join(str(each.header) for each in columns[:names])),
            *columns[names:],
        ]
        every = [(_joined(row[:names]), *row[names:]) for row in every]
        needs, names = [max(needs[:names]), *needs[names:]], 1
    parts = [*_parts(needs, names, console.width)]
    if any(_width([needs[n] for n in part]) > console.width for part in parts):
        _print_as_lines(console, columns, every)
        return
    for part in parts:
        table = table_of([columns[n] for n in part], [[row[n] for n in part] for row in every])
        if total is not None and rows:
            table.rows[-2].end_section = True
        console.print(table)


def _print_as_lines(console: Console, columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print a line for each cell: what the terminal folds itself stays whole when it is copied."""
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            console.print(Text.assemble(f"{column.header}: ", cell), soft_wrap=True)
        console.print()


def _parts(needs: Sequence[int], names: int, width: int) -> Iterator[list[int]]:
    """Yield the columns of each part, as many as fit."""
    part = list(range(names))
    for n in range(names, len(needs)):
        if len(part) > names and _width([needs[each] for each in (*part, n)]) > width:
            yield part
            part = list(range(names))
        part.append(n)
    yield part


def _need(column: Column, cells: Iterable[Cell]) -> int:
    """Return how many cells a column must have to be read."""
    texts = [str(column.header), *map(str, cells)]
    if column.no_wrap:
        return max(map(cell_len, texts))
    words = [cell_len(word) for text in texts for word in text.split()]
    return max(_LEAST, min(_WORD, max(words, default=0)))


def _width(needs: Iterable[int]) -> int:
    table = table_of([Column(width=need) for need in needs], ())
    return Measurement.get(_ROOM, _ROOM.options, table).minimum


def _joined(cells: Row) -> str:
    """Return several names as one; what a name has none of is left out at the end."""
    return ", ".join(filter(None, map(str, cells)))
