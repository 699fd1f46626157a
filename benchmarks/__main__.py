"""``python -m benchmarks run [--name N --title T] [--against REVISION] [--rival VENV]``.

Without ``--name`` the tables are only shown; with it the run is kept in ``results/`` and
``docs/benchmarks.md`` is written anew. ``python -m benchmarks report`` only writes the document.
``python -m benchmarks deferred [--name N]`` measures deferred calls.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import contenders, deferred, report, report_deferred, results, rounds
from benchmarks.contenders import BEFORE, ROUTER, Contender
from benchmarks.machine import load, machine
from benchmarks.results import Result
from benchmarks.world import ROOT, running_world
from local.instance_pool import PoolLimits


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks, or write the document from the runs that are kept."""
    options = _parser().parse_args(arguments)
    if options.what == "run":
        _run(options)
    elif options.what == "deferred":
        found = deferred.run(_say, options.name)
        sys.stdout.write(report_deferred.section(found) + "\n")
    if options.what == "report" or options.name:
        report.DOCUMENT.write_text(
            report.document(results.read_all(), results.read_deferred()), encoding="utf-8"
        )
        _say(f"wrote {report.DOCUMENT.relative_to(ROOT)}")


def _run(options: argparse.Namespace) -> None:
    here = machine()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-bench-")))
        all_of_them = _contenders(options, folder, stack)
        found = rounds.run(all_of_them, options.rounds, PoolLimits().maximum, folder, _say)
    here.load_after = load()
    result = Result(
        title=options.title,
        taken=f"{datetime.now(UTC):%Y-%m-%d}",
        rounds=options.rounds,
        machine=here,
        contenders=found,
    )
    if options.name:
        _say(f"wrote {results.write(result, options.name).relative_to(ROOT)}")
    sys.stdout.write(report.tables(result) + "\n")


def _contenders(options: argparse.Namespace, folder: Path, stack: ExitStack) -> list[Contender]:
    world = stack.enter_context(running_world(ROOT))
    chosen = [contenders.router(ROUTER, "the router", ROOT, world)]
    if options.against:
        checkout = _exported(options.against, folder / "before")
        old_world = stack.enter_context(running_world(checkout))
        about = f"the router at {options.against}"
        chosen.append(contenders.router(BEFORE, about, checkout, old_world))
    bare = stack.enter_context(running_world(None))
    chosen.append(contenders.floor(bare))
    if options.rival:
        settings = folder / "rival.yaml"
        chosen.append(contenders.rival(options.rival.absolute(), bare, settings))
    return chosen


def _exported(revision: str, folder: Path) -> Path:
    """Write a revision's files into a folder, beside the working copy."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    _git("archive", "--output", str(archive), revision)
    subprocess.run(  # noqa: S603 our own archive
        ["/usr/bin/env", "tar", "-x", "-f", str(archive), "-C", str(folder)], check=True
    )
    return folder


def _git(*arguments: str) -> None:
    subprocess.run(["/usr/bin/env", "git", *arguments], cwd=ROOT, check=True)  # noqa: S603


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("what", choices=["run", "deferred", "report"])
    parser.add_argument("--name", help="keep the run under this name")
    parser.add_argument("--title", default="A run", help="what the run shows, for the document")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", help="a git revision of the router to compare with")
    parser.add_argument("--rival", type=Path, help="a virtual environment that has litellm[proxy]")
    return parser


if __name__ == "__main__":
    main()
