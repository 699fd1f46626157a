"""The arrows of the house: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("infra", "functions", "shared", "local", "cli", "benchmarks")

# A module may import what stands under the longest prefix that it falls under.
MAY_IMPORT = {
    "shared.domain": {"shared.domain"},
    "shared.ports": {"shared.domain", "shared.catalog", "shared.meters"},
    "shared.catalog": {"shared.domain", "shared.catalog"},
    "shared.clock": set(),
    "shared.settings": {"shared.domain.budgets.seeds", "shared.domain.api_keys"},
    "shared.resources": set(),
    "shared.meters": set(),
    "shared.usecases": {
        "shared.domain", "shared.ports", "shared.catalog", "shared.clock", "shared.meters",
        "shared.usecases",
    },
    "shared.adapters": {
        "shared.domain", "shared.ports", "shared.catalog", "shared.clock", "shared.resources",
        "shared.settings", "shared.meters", "shared.adapters",
    },
    "shared.wiring": {"shared"},
    "functions": {
        "functions", "shared.clock", "shared.domain", "shared.usecases", "shared.catalog",
        "shared.settings", "shared.wiring",
    },
    "infra": {
        "infra", "shared.resources", "shared.settings", "shared.meters", "shared.catalog",
        "shared.domain.budgets.seeds", "shared.domain.api_keys",
    },
    "infra.bundle": {"infra.bundle"},
    "local.simulator": {"local.simulator"},
    "local": {
        "local", "shared.clock", "shared.resources", "shared.settings", "shared.catalog",
        "shared.meters",
    },
    "cli": {"cli", "infra.bundle", "local", "shared"},
    "benchmarks": {"benchmarks", "local", "shared"},
}  # fmt: skip

PURE = {"boto3", "botocore", "httpx2", "openai", "anthropic", "os", "time", "random", "secrets"}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def imports(path: Path, module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_under(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def allowed(module: str) -> set[str]:
    return MAY_IMPORT[max((p for p in MAY_IMPORT if is_under(module, p)), key=len)]


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=str)
def test_a_module_imports_only_along_the_arrows(module: str, path: Path) -> None:
    if module == "shared":
        return
    ours = [name for name in imports(path, module) if name.split(".")[0] in PACKAGES]
    # `from shared import catalog` names the package and the module: the module is what counts.
    named = [name for name in ours if name not in PACKAGES]
    wrong = [n for n in named if not any(is_under(n, prefix) for prefix in allowed(module))]
    assert wrong == []


def test_the_domain_is_pure() -> None:
    for module, path in modules():
        if is_under(module, "shared.domain"):
            roots = {name.split(".")[0] for name in imports(path, module)}
            assert roots & PURE == set(), module


BATCHES = "shared.adapters.batches"
OF_THE_ROUTER = {f"shared.wiring.{name}" for name in ("router", "calls", "batches", "deferral")}


def test_the_router_imports_no_provider_sdk() -> None:
    for module, path in modules():
        if is_under(module, "functions") or is_under(module, "shared"):
            names = list(imports(path, module))
            heavy = {"litellm", "pulumi", "moto", "genai_prices", "pydantic"}
            if not is_under(module, BATCHES):
                heavy |= {"openai", "anthropic"}
            assert {name.split(".")[0] for name in names} & heavy == set(), module
            if module in OF_THE_ROUTER or is_under(module, "functions.router"):
                assert not any(is_under(name, BATCHES) for name in names), module


def test_only_the_settings_read_the_environment_of_the_functions() -> None:
    for module, path in modules():
        if is_under(module, "functions") or is_under(module, "shared"):
            text = path.read_text(encoding="utf-8")
            assert "os.environ" not in text or module == "shared.settings", module
            assert "getenv" not in text, module


def test_only_holding_makes_an_open_hold_the_way_to_a_provider() -> None:
    makers = {
        module
        for module, path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "OpenHold"
    }
    assert makers == {"shared.usecases.holding"}
