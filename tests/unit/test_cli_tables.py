"""Tables of the commands on a terminal of 80 columns: nothing that is copied or counted is cut."""

from __future__ import annotations

import io

from rich.console import Console

from cli.tables import giving_way, one_line, table_of

JOB = "job_6a5f1c2e0b9d4f7a8c3e1d2b"


def printed(*columns: object, rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(table_of(columns, rows))  # type: ignore[arg-type]
    return out.getvalue()


def test_ids_and_amounts_stay_whole_while_texts_give_way() -> None:
    text = "a text that is far too long for what the others leave of the line"
    shown = printed(
        one_line("job"),
        giving_way("reason"),
        one_line("cost", is_number=True),
        rows=[(JOB, text, "19.999729563")],
    )
    assert JOB in shown
    assert "19.999729563" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
