"""Follows imports from a function's entries to everything that it can load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from infra.bundle.modules import Import, Modules
from infra.bundle.recipe import MADE_WHILE_RUNNING, OWN_PACKAGES


@dataclass(frozen=True)
class Reach:
    """The files of all modules reached, and a sentence for everything that is missing."""

    files: tuple[str, ...]
    missing: tuple[str, ...]


def is_own(module: str) -> bool:
    """Say whether a module is ours."""
    return module.split(".", maxsplit=1)[0] in OWN_PACKAGES


def reach(
    entries: Iterable[str],
    modules: Modules,
    standard_library: Iterable[str] = (),
) -> Reach:
    """Walk from the entries along every import of ours and every unconditional one of others.

    Of our own modules each import must be there, also one inside a function, and so must each
    name that is taken from a module. Other people's modules import under conditions what they
    can do without, so only what they import at each load must be there. Modules of
    ``standard_library`` are taken for granted.
    """
    elsewhere = frozenset(standard_library)
    files: dict[str, None] = {}
    missing: list[str] = []
    todo = [(entry, "the recipe") for entry in entries]
    seen: set[str] = set()
    while todo:
        module, where = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        todo += [(parent, where) for parent in _parents(module)]
        if not modules.holds(module):
            missing.append(f"{module}, imported by {where}, is not there")
        if file := modules.find(module):
            files[file] = None
            wanted = _wanted(module, modules, lambda top: top in elsewhere)
            todo += [(name, f"{file}:{line}") for name, line in wanted]
            missing += _unbound(module, file, modules)
    return Reach(tuple(sorted(files)), tuple(sorted(missing)))


def _parents(module: str) -> Iterator[str]:
    while module := module.rpartition(".")[0]:
        yield module


def _wanted(
    module: str, modules: Modules, is_elsewhere: Callable[[str], bool]
) -> Iterator[tuple[str, int]]:
    for each in modules.imports(module):
        if is_elsewhere(each.module.split(".")[0]) or each.module in MADE_WHILE_RUNNING:
            continue
        if each.unconditional or is_own(module):
            yield each.module, each.line
            yield from ((name, each.line) for name in _submodules(each, modules))


def _submodules(statement: Import, modules: Modules) -> Iterator[str]:
    dotted = (f"{statement.module}.{name}" for name in statement.names)
    return (name for name in dotted if modules.holds(name))


def _unbound(module: str, file: str, modules: Modules) -> Iterator[str]:
    """Name what one of our modules takes from another module that has no such thing."""
    for each in modules.imports(module) if is_own(module) else ():
        for name in each.names if modules.holds(each.module) else ():
            if not modules.binds(each.module, name):
                yield f"{each.module}.{name}, imported by {file}:{each.line}, is not there"
