from __future__ import annotations

from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.tags import Tag

from infra.bundle.byte_code import find_compiler
from infra.bundle.errors import BundleFailed
from infra.bundle.recipe import FUNCTIONS, ROUTER
from infra.bundle.targets import LAMBDA, elf_machine, host
from infra.bundle.wheels import chosen_lines, licence_of

LOCK = """\
anyio==4.16.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
new==1.0 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
old==1.0 ; python_full_version < '3.13' \\
    --hash=sha256:dd
browser==1.0 ; sys_platform == 'emscripten' \\
    --hash=sha256:ee
"""


def test_the_lock_is_read_for_the_target_and_not_for_the_python_that_builds() -> None:
    lines = [line.split() for line in chosen_lines(LOCK, LAMBDA)]
    assert lines == [
        ["anyio==4.16.0", "--hash=sha256:aa", "--hash=sha256:bb"],
        ["new==1.0", "--hash=sha256:cc"],
    ]


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        (Tag("cp313", "cp313", "manylinux_2_34_aarch64"), True),
        (Tag("cp313", "cp313", "manylinux2014_aarch64"), True),
        (Tag("cp39", "abi3", "manylinux_2_17_aarch64"), True),
        (Tag("py3", "none", "any"), True),
        (Tag("cp313", "cp313", "manylinux_2_35_aarch64"), False),
        (Tag("cp313", "cp313", "manylinux_2_17_x86_64"), False),
        (Tag("cp313", "cp313", "musllinux_1_2_aarch64"), False),
        (Tag("cp312", "cp312", "manylinux_2_17_aarch64"), False),
        (Tag("cp313", "cp313t", "manylinux_2_17_aarch64"), False),
        (Tag("cp314", "abi3", "manylinux_2_17_aarch64"), False),
    ],
    ids=str,
)
def test_lambda_takes_wheels_of_its_python_its_processor_and_its_c_library(
    tag: Tag, fits: bool
) -> None:
    assert (tag in LAMBDA.tags) is fits


def test_the_two_targets_zips_have_two_names() -> None:
    assert LAMBDA.zip_name("router") == "router.zip"
    assert host().zip_name("router") == "router-host.zip"


def test_modules_that_left_the_standard_library_are_not_taken_for_granted() -> None:
    assert {"asyncio", "tomllib", "json"} <= LAMBDA.standard_library
    assert not {"cgi", "imp", "distutils", "telnetlib", "six"} & LAMBDA.standard_library


def test_every_function_s_lock_and_handler_exist() -> None:
    checkout = Path(__file__).parents[3]
    assert FUNCTIONS
    for code in FUNCTIONS.values():
        assert (checkout / code.requirements).is_file()
        module = code.handler.rpartition(".")[0].replace(".", "/") + ".py"
        assert (checkout / (code.handler if code.start_script else module)).is_file()


def test_a_handler_that_is_no_script_has_no_start_script() -> None:
    from dataclasses import replace

    assert ROUTER.start_script == ROUTER.handler
    assert replace(ROUTER, handler="functions.collector.handler.handle").start_script is None


@pytest.mark.parametrize(
    ("head", "machine"),
    [
        (b"\x7fELF\x02\x01" + bytes(12) + b"\xb7\x00", 183),
        (b"\x7fELF\x02\x02" + bytes(12) + b"\x00\xb7", 183),
        (b"\xcf\xfa\xed\xfe" + bytes(16), None),
        (b"\x7fELF\x02\x01", None),
    ],
)
def test_the_machine_of_an_elf_file_is_read_in_its_own_byte_order(
    head: bytes, machine: int | None
) -> None:
    assert elf_machine(head) == machine


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("License: Apache-2.0\nClassifier: License :: OSI Approved :: MIT License", "Apache-2.0"),
        ("License: Dual\nClassifier: License :: OSI Approved :: BSD License", "BSD License"),
        ("License: My own words", "My own words"),
        ("Name: x", "unknown"),
    ],
)
def test_a_licence_is_taken_from_the_clearest_field(metadata: str, licence: str) -> None:
    assert licence_of(HeaderParser().parsestr(metadata)) == licence


def launcher(directory: Path, name: str, answer: str) -> Path:
    directory.mkdir(exist_ok=True)
    script = directory / name
    script.write_text(f"#!/bin/sh\n{answer}\n")
    script.chmod(0o755)
    return script


def test_the_compiler_is_found_by_the_variable_or_on_the_path(tmp_path: Path) -> None:
    right = launcher(tmp_path, "python3.13", f"echo {LAMBDA.magic.hex()}")
    assert find_compiler(LAMBDA, {"PATH": str(tmp_path)}) == right
    assert find_compiler(LAMBDA, {"SLUICE_PYTHON": str(right), "PATH": ""}) == right
    assert find_compiler(LAMBDA, {"PATH": str(tmp_path / "nothing")}) is None


def test_a_launcher_for_a_version_that_is_not_there_is_no_compiler(tmp_path: Path) -> None:
    launcher(tmp_path, "python3.13", "echo 'command not found' >&2; exit 127")
    assert find_compiler(LAMBDA, {"PATH": str(tmp_path)}) is None


@pytest.mark.parametrize("answer", [f"echo {'00' * 4}", "exit 127"])
def test_a_named_compiler_of_another_version_is_refused(tmp_path: Path, answer: str) -> None:
    wrong = launcher(tmp_path, "python", answer)
    with pytest.raises(BundleFailed, match=r"is not a python3\.13 that runs"):
        find_compiler(LAMBDA, {"SLUICE_PYTHON": str(wrong)})


def test_a_named_compiler_that_is_not_there_is_refused() -> None:
    with pytest.raises(BundleFailed, match="SLUICE_PYTHON=nowhere/python"):
        find_compiler(LAMBDA, {"SLUICE_PYTHON": "nowhere/python"})
