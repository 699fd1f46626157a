"""The order of a run: everybody comes up, then takes turns, forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks import measures
from benchmarks.contenders import Contender
from benchmarks.measures import Standing
from benchmarks.processes import running
from benchmarks.results import Measured
from local.web_instance import free_port

T = TypeVar("T")
Say = Callable[[str], None]


def run(
    contenders: Sequence[Contender], rounds: int, processes: int, folder: Path, say: Say
) -> dict[str, Measured]:
    """Measure all of them; ``folder`` takes scratch files. Returns what was found, by name."""
    found = {
        each.name: Measured(each.about, processes if each.one_at_a_time else 1)
        for each in contenders
    }
    with _standing(contenders, processes) as standing:
        for each in standing:
            say(f"warming {each.contender.name}")
            measures.warm(each)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for each in _in_turn(standing, number):
                measures.alone(each, found[each.contender.name])
            for each in _in_turn(standing, number):
                measures.together(each, found[each.contender.name])
    for number in range(rounds):
        say(f"starts {number + 1} of {rounds}")
        for contender in _in_turn(contenders, number):
            measures.start(contender, found[contender.name])
    for contender in contenders:
        measures.imported(contender, found[contender.name], folder)
    return found


def _in_turn(all_of_them: Sequence[T], number: int) -> Sequence[T]:
    return all_of_them if number % 2 == 0 else all_of_them[::-1]


@contextmanager
def _standing(contenders: Sequence[Contender], processes: int) -> Iterator[list[Standing]]:
    with ExitStack() as stack:
        standing = []
        for contender in contenders:
            wanted = processes if contender.one_at_a_time else 1
            ports = [free_port() for _ in range(wanted)]
            up = [stack.enter_context(running(contender.command(port), port)) for port in ports]
            standing.append(Standing(contender, up))
        yield standing
