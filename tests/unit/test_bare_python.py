from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from local import bare_python
from local.bare_python import NoBarePython

TELL = "import json, sys; print(json.dumps([list(sys.version_info[:2]), sys.path, sys.prefix]))"


def test_the_bare_python_is_this_version_and_sees_no_installed_package(tmp_path: Path) -> None:
    directory = bare_python.bare_python(tmp_path / "a folder")
    told = subprocess.run(  # noqa: S603 the launcher under test
        [str(directory / "python3"), "-c", TELL],
        env={"PYTHONPATH": "/var/task"},
        capture_output=True,
        check=True,
    ).stdout
    version, path, prefix = json.loads(told)
    assert version == list(sys.version_info[:2])
    assert prefix == sys.base_prefix
    assert "/var/task" in path
    assert not [folder for folder in path if folder.endswith(("site-packages", "dist-packages"))]


def test_an_interpreter_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "gone"))
    with pytest.raises(NoBarePython, match="gone/bin/python3"):
        bare_python.bare_python(tmp_path)
