"""The Python modules that a set of files holds, and what one of them imports and binds."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

_ALWAYS_BOUND = frozenset({"__doc__", "__file__", "__name__", "__path__"})
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_Conditional = ast.FunctionDef | ast.AsyncFunctionDef | ast.If | ast.Try | ast.TryStar | ast.Match


@dataclass(frozen=True)
class Import:
    """One import statement's module and the names it takes from it.

    ``unconditional`` ones run whenever the module is loaded: they stand in no function, ``if``
    or ``try``.
    """

    module: str
    names: tuple[str, ...]
    line: int
    unconditional: bool


@dataclass(frozen=True)
class _Parsed:
    """``bound`` holds ``*`` where the module's names cannot be told from its text."""

    imports: tuple[Import, ...]
    bound: frozenset[str]


class Modules:
    """Finds modules among file names (relative, with ``/``), as the import system would."""

    def __init__(
        self,
        files: Iterable[str],
        read: Callable[[str], bytes],
        extension_suffixes: Iterable[str],
    ) -> None:
        self._files = frozenset(files)
        self._read = read
        self._endings = (".py", *extension_suffixes)
        self._parsed: dict[str, _Parsed] = {}

    def find(self, module: str) -> str | None:
        """Return the file of a module or regular package, or None."""
        path = module.replace(".", "/")
        candidates = (f"{path}/__init__.py", *(path + ending for ending in self._endings))
        return next((each for each in candidates if each in self._files), None)

    def holds(self, module: str) -> bool:
        """Say whether a module is there, as a file or as a package without ``__init__.py``."""
        return self.find(module) is not None or module in self._namespaces

    @cached_property
    def _namespaces(self) -> frozenset[str]:
        folders = {name.rpartition("/")[0] for name in self._files if name.endswith(self._endings)}
        parents = {folder[:end] for folder in folders for end in _slashes(folder)}
        return frozenset(each.replace("/", ".") for each in folders | parents if each)

    def imports(self, module: str) -> tuple[Import, ...]:
        """Return what a module imports, but for what only type checkers see."""
        return self._parse(module).imports

    def binds(self, module: str, name: str) -> bool:
        """Say whether a module has a name, or may have one that its text does not show."""
        if self.holds(f"{module}.{name}"):
            return True
        return bool(self._parse(module).bound & {name, "*", "__getattr__"})

    def _parse(self, module: str) -> _Parsed:
        if module not in self._parsed:
            self._parsed[module] = self._read_module(module)
        return self._parsed[module]

    def _read_module(self, module: str) -> _Parsed:
        file = self.find(module)
        if file is None:
            return _Parsed((), frozenset())
        if not file.endswith(".py"):
            return _Parsed((), frozenset("*"))
        package = module if file.endswith("/__init__.py") else module.rpartition(".")[0]
        return _parse_source(self._read(file), package)


@lru_cache(maxsize=4096)
def _parse_source(source: bytes, package: str) -> _Parsed:
    tree = ast.parse(source)
    imports = tuple(_imports(tree, package, unconditional=True))
    return _Parsed(imports, frozenset(_bound(tree.body)) | _ALWAYS_BOUND)


def _slashes(folder: str) -> Iterator[int]:
    return (place for place, letter in enumerate(folder) if letter == "/")


def _imports(node: ast.AST, package: str, *, unconditional: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, (), node.lineno, unconditional)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        yield Import(_absolute(node, package), names, node.lineno, unconditional)
    sure = unconditional and not isinstance(node, _Conditional)
    for child in _statements(node):
        yield from _imports(child, package, unconditional=sure)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly inside another: no expression can hold an import."""
    only_for_type_checkers = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    for part in _BLOCKS[1:] if only_for_type_checkers else _BLOCKS:
        yield from getattr(node, part, ())


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _bound(body: Iterable[ast.AST]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        else:
            yield from _bound(ast.iter_child_nodes(node))
