"""What goes into a function's zip of our own code."""

from __future__ import annotations

import pytest

from infra.bundle.contents import own_files
from infra.bundle.recipe import FUNCTIONS, FunctionCode
from local.ground import CHECKOUT


@pytest.mark.parametrize("code", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_module_of_a_function_is_in_its_zip_though_it_is_imported_by_name(
    code: FunctionCode,
) -> None:
    folder = CHECKOUT / "functions" / code.name
    modules = {path.relative_to(CHECKOUT).as_posix() for path in folder.glob("*.py")}
    assert modules <= set(own_files(CHECKOUT, code))
