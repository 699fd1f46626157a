"""Tables of the commands on a terminal of 80 columns: nothing that is copied or counted is cut."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.table import Column

from cli import ask_report, usage
from cli.ask_report import print_report, summary
from cli.budget_report import print_budgets
from cli.tables import giving_way, number, one_line, print_table, table_of
from shared.domain.budgets import Budget
from shared.domain.budgets.budget import Counter
from shared.domain.budgets.scopes import team_scope
from shared.domain.rollups import Dimension, Sums

JOB = "job_" + "6a5f1c2e" * 4
TEXT = "a text that is far too long for what the others leave of the line"


class Screen:
    """A terminal, and what stands on it."""

    def __init__(self, width: int) -> None:
        self.out = io.StringIO()
        self.console = Console(file=self.out, width=width, highlight=False)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.out.getvalue().splitlines() if line.strip()]


def printed(*columns: object, rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(table_of(columns, rows))  # type: ignore[arg-type]
    return out.getvalue()


def test_ids_and_amounts_stay_whole_while_texts_give_way() -> None:
    shown = printed(
        one_line("job"),
        giving_way("reason"),
        one_line("cost", is_number=True),
        rows=[(JOB, TEXT, "19.999729563")],
    )
    assert JOB in shown
    assert "19.999729563" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


AMOUNTS = ("1119.999729563", "3359.999188689", "2239.999459126")
COLUMNS = (giving_way("model"), *map(number, ("cost $", "baseline $", "saved $")), number("ok %"))


def shown(
    width: int, columns: tuple[Column, ...], row: tuple[str, ...], **more: object
) -> list[str]:
    screen = Screen(width)
    print_table(screen.console, columns, [row], **more)  # type: ignore[arg-type]
    assert all(len(line) <= width for line in screen.lines)
    assert "…" not in screen.out.getvalue()
    return screen.lines


def test_a_table_that_fits_is_one() -> None:
    lines = shown(80, COLUMNS, ("gpt-6-luna", *AMOUNTS, "90.0"))
    assert [line.split() for line in lines[2:]] == [["gpt-6-luna", *AMOUNTS, "90.0"]]


@pytest.mark.parametrize("width", [30, 40, 50, 60])
def test_a_table_that_is_too_wide_is_parted_and_each_part_names_its_rows(width: int) -> None:
    lines = shown(width, COLUMNS, ("gpt-6-luna", *AMOUNTS, "90.0"))
    told = [line.split() for line in lines if "gpt-6-luna" in line]
    assert len(told) > 1
    assert [cell for row in told for cell in row if cell != "gpt-6-luna"] == [*AMOUNTS, "90.0"]


@pytest.mark.parametrize("width", [10, 20, 40, 46])
def test_where_no_column_fits_beside_the_names_each_cell_is_a_line(width: int) -> None:
    columns = (one_line("job"), one_line("team"), number("cost $"))
    screen = Screen(width)
    print_table(screen.console, columns, [(JOB, "search", AMOUNTS[0])], total=("all", "", "2.5"))
    assert screen.lines[:3] == [f"job: {JOB}", "team: search", f"cost $: {AMOUNTS[0]}"]
    assert "cost $: 2.5" in screen.lines


def test_numbers_stand_below_one_another_from_the_right() -> None:
    screen = Screen(40)
    print_table(screen.console, COLUMNS, [("a", *AMOUNTS, "9.0")], total=("all", *["1.5"] * 4))
    parts = [line for line in screen.lines if "1119" in line or line.split()[0] == "all"]
    assert parts[0].index("1119.999729563") + 14 == parts[1].index("1.5") + 3


def test_several_names_of_a_row_become_one_where_the_table_is_too_wide() -> None:
    columns = (giving_way("team"), *COLUMNS)
    lines = shown(74, columns, ("search", "gpt-6-luna", *AMOUNTS, "90.0"), names=2)
    assert lines[0].split()[:2] == ["team,", "model"]
    assert [line for line in lines if "search, gpt-6-luna" in line] == lines[2:], "then it fits"


@pytest.mark.parametrize("by", [["model"], ["team", "feature"], ["team", "feature", "model"]])
@pytest.mark.parametrize("nano", [19_999_729_563, 1_119_999_729_563, 99_119_999_729_563])
def test_a_usage_table_on_80_columns_cuts_no_number(
    monkeypatch: pytest.MonkeyPatch, by: list[Dimension], nano: int
) -> None:
    screen = Screen(80)
    monkeypatch.setattr(usage, "console", screen.console)
    sums = Sums(requests=23_100, cost_nano=nano, baseline_nano=3 * nano, successes=9, failures=1)
    names = {"model": "gemini-3-flash", "team": "search", "feature": "nightly-summaries"}
    usage._print_table([({each: names[each] for each in by}, sums)], sums, by)
    text = screen.out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for cell in usage._cells_of(sums):
        assert text.split().count(cell) >= 2, cell
    for each in by:
        assert names[each] in text


def test_budgets_on_80_columns_cut_no_number() -> None:
    cap, spent, held = 5_000 * 10**9, 1_119_999_729_563, 12_345_678_912
    day = Counter("2026-11-22", cap, cap - spent - held, spent, held)
    month = replace(day, label="2026-11")
    budget = Budget(team_scope("search-and-recommendations"), day, month)
    screen = Screen(80)
    print_budgets(screen.console, [budget])
    assert max(map(len, screen.lines)) <= 80
    words = screen.out.getvalue().split()
    for cell in ("5000", "1119.999729563", "12.345678912", "3867.654591525", "normal"):
        assert words.count(cell) == 2, cell


def test_a_run_of_questions_on_80_columns_cuts_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(80)
    monkeypatch.setattr(ask_report, "Console", lambda **_: screen.console)
    notes = {"tier": "frontier", "cost_usd": AMOUNTS[0], "baseline_usd": AMOUNTS[1]}
    print_report(summary([({**notes, "saved_usd": AMOUNTS[2]}, None)]))
    words = screen.out.getvalue().split()
    assert all(words.count(amount) == 2 for amount in AMOUNTS)
