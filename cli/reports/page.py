"""The frame of every report: title, headline, sections, foot; and the tables in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.reports.markup import Child, Html, element, joined

_STYLE: Final = Path(__file__).with_name("report.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""A report loads nothing, whatever stands in a log."""


@dataclass(frozen=True)
class Headline:
    """The figure that is read first, the sentence that says what it means, and a caveat."""

    figure: str
    sentence: str
    caveat: str | None = None
    is_good: bool = True


def page(title: str, subtitle: str, headline: Headline, *sections: Html, foot: str) -> str:
    """Return a whole HTML document."""
    style = Html(_STYLE.read_text(encoding="utf-8"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", style),
    )
    tone = "headline" if headline.is_good else "headline dearer"
    body = element(
        "main",
        element("header", element("h1", title), element("p", subtitle)),
        element(
            "div",
            element("strong", headline.figure),
            element("span", headline.sentence),
            None if headline.caveat is None else element("small", headline.caveat),
            class_=tone,
        ),
        *sections,
        element("footer", foot),
    )
    return "<!doctype html>\n" + element("html", head, element("body", body), lang="en") + "\n"


def section(title: str, *children: Child, note: str | None = None) -> Html:
    """Return a section with a title and, under it, a note that says how to read it."""
    told = None if note is None else element("p", note, class_="note")
    return element("section", element("h2", title), told, *children)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, total: Sequence[str] | None = None
) -> Html:
    """Return a table; its first column names, the others count."""
    head = element("tr", *(element("th", name, scope="col") for name in columns))
    body = [_cells(row) for row in rows]
    if total is not None:
        body.append(_cells(total, class_="total"))
    written = element("table", element("thead", head), element("tbody", *body))
    return element("div", written, class_="scroll")


def bullets(lines: Sequence[str]) -> Html:
    """Return a list of sentences."""
    return element("ul", *(element("li", line) for line in lines)) if lines else joined()


def _cells(row: Sequence[str], class_: str | None = None) -> Html:
    return element("tr", *(element("td", cell) for cell in row), class_=class_)
