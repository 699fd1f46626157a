from __future__ import annotations

import pytest

from infra.bundle.modules import Import, Modules
from infra.bundle.reach import reach


def modules(**files: str) -> Modules:
    named = {name.replace("__", "/", 1) + ".py": text for name, text in files.items()}
    return of(named)


def of(files: dict[str, str]) -> Modules:
    return Modules(files, lambda name: files[name].encode(), (".abi3.so",))


def missing(files: dict[str, str], *entries: str) -> tuple[str, ...]:
    return reach(entries, of(files), {"os", "sys"}).missing


def test_relative_imports_are_counted_from_the_package() -> None:
    files = {
        "a/__init__.py": "from . import b\nfrom .c import d",
        "a/b/__init__.py": "from ..c import e\nfrom .f import g",
        "a/c.py": "from .b import h",
    }
    found = {
        name: [each.module for each in of(files).imports(name)] for name in ("a", "a.b", "a.c")
    }
    assert found == {"a": ["a", "a.c"], "a.b": ["a.c", "a.b.f"], "a.c": ["a.b"]}


@pytest.mark.parametrize(
    ("text", "unconditional"),
    [
        ("import x", True),
        ("class A:\n    import x", True),
        ("with a:\n    import x", True),
        ("def f():\n    import x", False),
        ("async def f():\n    import x", False),
        ("if a:\n    import x", False),
        ("if a:\n    pass\nelse:\n    import x", False),
        ("try:\n    import x\nexcept ImportError:\n    pass", False),
        ("try:\n    pass\nexcept ImportError:\n    import x", False),
        ("match a:\n    case 1:\n        import x", False),
    ],
)
def test_an_import_is_unconditional_where_loading_the_module_runs_it(
    text: str, unconditional: bool
) -> None:
    [found] = modules(m=text).imports("m")
    assert (found.module, found.unconditional) == ("x", unconditional)


def test_what_only_type_checkers_see_is_no_import() -> None:
    text = "if TYPE_CHECKING:\n    import x\nelse:\n    import y"
    assert [each.module for each in modules(m=text).imports("m")] == ["y"]


def test_an_import_tells_its_names_and_its_line() -> None:
    [found] = modules(m="\nfrom x import y, z as w").imports("m")
    assert found == Import("x", ("y", "z"), 2, unconditional=True)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "x: int = 1",
        "def x(): ...",
        "class x: ...",
        "import x",
        "from y import z as x",
        "if a:\n    x = 1",
        "try:\n    pass\nexcept E:\n    x = None",
        "from y import *",
        "def __getattr__(name): ...",
    ],
)
def test_a_module_binds_what_its_text_shows_or_may_hide(text: str) -> None:
    assert modules(m=text).binds("m", "x")


@pytest.mark.parametrize("text", ["", "x", "y.x = 1", "def f():\n    x = 1", "import y.x"])
def test_a_module_does_not_bind_what_it_only_mentions(text: str) -> None:
    assert not modules(m=text).binds("m", "x")


def test_machine_code_may_have_any_name() -> None:
    compiled = of({"p/__init__.py": "", "p/core.abi3.so": ""})
    assert compiled.find("p.core") == "p/core.abi3.so"
    assert compiled.binds("p.core", "anything")


def test_a_folder_without_an_init_is_a_package_too() -> None:
    files = {"names/pace/m.py": "", "data/rows.toml": ""}
    assert of(files).holds("names.pace")
    assert of(files).holds("names")
    assert not of(files).holds("data")


def test_of_our_modules_every_import_must_be_there() -> None:
    files = {"shared/__init__.py": "", "shared/a.py": "def f():\n    import shared.b"}
    assert missing(files, "shared.a") == ("shared.b, imported by shared/a.py:2, is not there",)


def test_other_people_s_modules_may_go_without_what_they_import_under_a_condition() -> None:
    files = {"lib.py": "import os\nimport core\ntry:\n    import fast\nexcept ImportError: ..."}
    assert missing(files, "lib") == ("core, imported by lib.py:2, is not there",)


def test_the_packages_around_a_module_are_reached_too() -> None:
    files = {"lib/__init__.py": "import gone", "lib/inner/__init__.py": "", "lib/inner/m.py": ""}
    found = reach(["lib.inner.m"], of(files))
    assert found.files == ("lib/__init__.py", "lib/inner/__init__.py", "lib/inner/m.py")
    assert found.missing == ("gone, imported by lib/__init__.py:1, is not there",)


def test_modules_that_import_each_other_are_walked_once() -> None:
    files = {
        "shared/__init__.py": "",
        "shared/a.py": "import shared.b",
        "shared/b.py": "import shared.a",
    }
    assert reach(["shared.a"], of(files)).missing == ()
