"""What nothing was prepared for: it is told once, and keeps no neighbour from being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.ports.calls import Meter


class Crashed(Exception):
    """Something failed unexpectedly and was told; says in what, and nothing of what it held."""

    is_reported = True


class Crashes:
    """What failed among works that are done in turn or side by side."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._places: list[str] = []

    @contextmanager
    def kept(self, *passing: type[Exception], **place: str) -> Iterator[None]:
        """Keep what fails inside from the works after it; ``place`` names it by identifiers.

        What is ``passing`` is expected, and for others to deal with.
        """
        try:
            yield
        except passing:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its neighbours are to be done
            report_crash(self._meter, error, **place)
            self._places.append(" ".join(place.values()))

    def raise_any(self) -> None:
        """Raise ``Crashed`` where anything failed, so that whoever runs this counts an error."""
        if self._places:
            raise Crashed(", ".join(self._places))


def report_crash(meter: Meter, error: BaseException, **place: Any) -> None:
    """Name the error and where it arose, once; its text may hold what a caller sent."""
    if getattr(error, "is_reported", False):
        return
    error.is_reported = True  # type: ignore[attr-defined]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
    meter.trouble("crash", error=type(error).__name__, where=where, **place)
