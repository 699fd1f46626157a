"""The HTML reports: whole, closed to the outside, and nothing in them that was not escaped."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cli.replay_report import report
from cli.reports.charts import Bar, bars
from cli.reports.figures import usd
from cli.reports.markup import Html, element
from cli.reports.replay_page import replay_report_html
from cli.reports.usage_page import usage_report_html
from shared.domain.replay.scenarios import Replay, Wishes
from shared.domain.replay.summary import summed
from tests.unit.replay.logs import DAY, READING, facts, line, read

EVIL = "<script>alert('x')</script>&\"<img src=https://evil.example/x>"


def told(tmp_path: Path, *rows: Any) -> dict[str, Any]:
    known, wishes = facts(), Wishes(DAY)
    log = read(tmp_path, *rows, known=known)
    return report(
        log,
        summed(Replay(known, wishes).run(log.calls)),
        name=EVIL,
        reading=READING,
        wishes=wishes,
        freshness=known.freshness,
        providers=("openai",),
        price_version=known.price_version,
    )


def usage(name: str, saved: str = "0.9") -> dict[str, Any]:
    row = {
        "group": {"model": name},
        "requests": 10,
        "cost_usd": "0.1",
        "baseline_usd": "1.0",
        "saved_usd": saved,
        "levers": {"exact_cache": "0.4", "routing": "0.5", "prompt_cache": "-0.01"},
        "effective_discount_percent": 90.0,
        "successes": 9,
        "failures": 1,
        "unknown": 0,
        "cost_per_success_usd": "0.0111",
        "cps_interval_usd": ["0.0105", "0.0143"],
        "tokens": {"input": 1_000, "cache_read": 0, "cache_write": 0, "output": 200},
    }
    return {"object": "list", "data": [row], "total": {**row, "group": {}}}


class Seen(HTMLParser):
    """Every element and attribute of a page; whatever closes out of turn is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def seen(page: str) -> Seen:
    found = Seen()
    found.feed(page)
    found.close()
    assert found._open == []
    return found


@pytest.fixture
def replay_page(tmp_path: Path) -> str:
    rows = [line(feature=EVIL), line(feature=EVIL, after=1), line(model=EVIL), EVIL]
    return replay_report_html(told(tmp_path, *rows))


@pytest.fixture(params=["replay", "usage"])
def page(request: pytest.FixtureRequest, replay_page: str) -> str:
    return replay_page if request.param == "replay" else usage_report_html(usage(EVIL))


def test_what_stands_in_a_log_is_shown_as_text_and_never_as_markup(page: str) -> None:
    found = seen(page)
    assert EVIL in found.texts
    assert {"script", "img"} & set(found.tags) == set()


def test_a_page_loads_nothing_from_outside(page: str) -> None:
    found = seen(page)
    assert found.links == []
    assert {"link", "iframe", "object"} & set(found.tags) == set()
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    style = page[page.index("<style>") : page.index("</style>")]
    assert not re.search(r"url\(|@import", style)


def test_a_page_is_made_for_light_dark_and_paper(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_the_headline_says_the_share_and_the_two_bills(tmp_path: Path) -> None:
    texts = seen(replay_report_html(told(tmp_path, line(usage=(10_000, 0))))).texts
    # 10,000 x $10/M on gpt-6-astra, x $0.10/M on nano
    assert "99.0 % less" in texts
    assert "$0.001 instead of $0.10 for 1 call" in texts


def test_every_chart_has_as_many_bars_as_rows_and_a_title(replay_page: str) -> None:
    tags = seen(replay_page).tags
    # the bill: 2; each lever alone: 4; together: 4 between 2
    assert tags.count("svg") == 3
    assert tags.count("rect") == 2 + 4 + 6
    assert tags.count("title") == 1 + 3


def test_a_report_of_nothing_is_still_a_page(tmp_path: Path) -> None:
    assert "0.0 % less" in seen(replay_report_html(told(tmp_path, "oops"))).texts


def test_a_dearer_bill_is_not_called_a_saving() -> None:
    data = usage("gpt-6-luna", saved="-0.5")
    data["total"]["effective_discount_percent"] = -50.0
    assert "50.0 % more" in seen(usage_report_html(data)).texts


def test_a_usage_page_may_lack_successes_and_a_group() -> None:
    data = usage("x")
    for row in (data["data"][0], data["total"]):
        row |= {"cost_per_success_usd": None, "cps_interval_usd": None, "group": {}}
    assert "all" in seen(usage_report_html(data)).texts


def test_the_usage_page_says_when_and_what_the_gateway_itself_cost() -> None:
    data = usage("x") | {"from": "2026-11-15T09:30:00.000000", "to": "2026-11-22T00:00:00.000000"}
    data["total"] |= {"aws_usd": "0.37"}
    texts = seen(usage_report_html(data)).texts
    assert "2026-11-15 09:30 UTC to 2026-11-22 00:00 UTC" in texts
    assert "Beside it, the gateway's own AWS cost: about $0.37." in texts


def test_a_bar_begins_where_the_longest_label_has_ended() -> None:
    drawn = bars("t", [Bar("gpt-6.1-terra, web search and more", Decimal(3), "3")])
    [label] = re.findall(r'class="label">([^<]*)<', drawn)
    assert (len(label), label[-1]) == (28, "…")
    axis = float(re.search(r'<line x1="([\d.]+)"', drawn)[1])  # type: ignore[index]
    assert axis >= 9 * len(label)


def test_a_page_of_no_usage_says_so() -> None:
    data = usage("x")
    data["total"]["levers"] = {}
    data["data"] = []
    assert "Nothing was saved yet." in seen(usage_report_html(data)).texts


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "$0"), ("1234.5", "$1,234.50"), ("0.4292403", "$0.4292"), ("0.000024", "$0.000024"),
     ("-2.154", "\N{MINUS SIGN}$2.15"), ("0.99999", "$1.00"), ("0.5", "$0.50"), (None, "–")],
)  # fmt: skip
def test_amounts_are_short_but_keep_the_digits_that_count(amount: str | None, shown: str) -> None:
    assert usd(amount) == shown


def test_a_bar_below_zero_grows_to_the_left_of_the_axis() -> None:
    drawn = bars("t", [Bar("up", Decimal(3), "3"), Bar("down", Decimal(-1), "-1", "bad")])
    axis = float(re.search(r'<line x1="([\d.]+)"', drawn)[1])  # type: ignore[index]
    places = [
        (float(x), float(width))
        for x, width in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    ]
    (up, long), (down, short) = places
    assert up == axis
    assert down + short == pytest.approx(axis, abs=0.2)
    assert long == pytest.approx(3 * short, abs=0.5)


def test_only_markup_that_was_built_passes_unescaped() -> None:
    assert (
        element("p", "<b>", Html("<i></i>"), title='"') == '<p title="&quot;">&lt;b&gt;<i></i></p>'
    )
