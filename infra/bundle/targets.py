"""For whom a zip is built: Lambda, or the interpreter that runs this."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging import markers, tags

LAMBDA_NAME: Final = "lambda"
HOST_NAME: Final = "host"

EM_AARCH64: Final = 183
"""ELF for the Arm 64-bit Architecture, section "ELF header"."""


@dataclass(frozen=True)
class Target:
    """One runtime: what pip is told, and what the finished zip is held against.

    ``magic`` begins every byte code file. ``elf_machine`` and ``glibc`` are None where they
    cannot be known. ``environment`` is what the markers of requirements are evaluated in.
    """

    name: str
    runtime: str
    architecture: str
    python: tuple[int, int]
    magic: bytes
    pip_options: tuple[str, ...]
    tags: frozenset[tags.Tag]
    extension_suffixes: tuple[str, ...]
    elf_machine: int | None
    glibc: tuple[int, int] | None
    environment: Mapping[str, str]

    def zip_name(self, function: str) -> str:
        """Return the file name of a function's zip: the plain one is Lambda's alone."""
        return f"{function}.zip" if self.name == LAMBDA_NAME else f"{function}-{self.name}.zip"

    @property
    def standard_library(self) -> frozenset[str]:
        """The top-level modules of this Python's standard library.

        The running Python's, without what either version has not: PEP 594 and PEP 632 took
        modules out by 3.13, PEP 749 and PEP 784 added some in 3.14.
        """
        known = frozenset(sys.stdlib_module_names)
        return known if self.name == HOST_NAME else known - _NOT_IN_3_13


# fmt: off
_NOT_IN_3_13: Final = frozenset({
    "aifc", "annotationlib", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk",
    "compression", "crypt", "distutils", "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis",
    "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu",
    "xdrlib",
})
# fmt: on

# Amazon Linux 2023, on which python3.13 runs, has glibc 2.34 (AL2023 user guide, "Comparing
# Amazon Linux 2 and Amazon Linux 2023"); 2.17 is where arm64 wheels begin (PEP 599).
_GLIBC: Final = (2, 34)
_PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_aarch64" for minor in range(_GLIBC[1], 16, -1)),
    "manylinux2014_aarch64",
)
_ABIS: Final = ("cp313", "abi3", "none")

LAMBDA: Final = Target(
    name=LAMBDA_NAME,
    runtime="python3.13",
    architecture="arm64",
    python=(3, 13),
    # Lib/importlib/_bootstrap_external.py of CPython 3.13: 3571.
    magic=(3571).to_bytes(2, "little") + b"\r\n",
    pip_options=(
        *("--python-version=3.13", "--implementation=cp"),
        *(f"--platform={each}" for each in _PLATFORMS),
        *(f"--abi={each}" for each in _ABIS),
    ),
    tags=frozenset(
        (
            *tags.cpython_tags((3, 13), abis=["cp313"], platforms=_PLATFORMS),
            *tags.compatible_tags((3, 13), "cp313", _PLATFORMS),
        )
    ),
    extension_suffixes=(".cpython-313-aarch64-linux-gnu.so", ".abi3.so", ".so"),
    elf_machine=EM_AARCH64,
    glibc=_GLIBC,
    environment={
        "implementation_name": "cpython",
        "implementation_version": "3.13.0",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": "3.13.0",
        "python_version": "3.13",
        "sys_platform": "linux",
    },
)


def host() -> Target:
    """Return the target for the interpreter and the machine that run this."""
    python = (sys.version_info.major, sys.version_info.minor)
    return Target(
        name=HOST_NAME,
        runtime="python{}.{}".format(*python),
        architecture=platform.machine(),
        python=python,
        magic=importlib.util.MAGIC_NUMBER,
        pip_options=(),
        tags=frozenset(tags.sys_tags()),
        extension_suffixes=tuple(importlib.machinery.EXTENSION_SUFFIXES),
        elf_machine=elf_machine(Path(sys.executable).read_bytes()[:20]),
        glibc=None,
        environment={name: str(value) for name, value in markers.default_environment().items()},
    )


def elf_machine(head: bytes) -> int | None:
    """Return the machine that an ELF file's first 20 bytes name, or None for another format."""
    little_endian = head[5:6] == b"\x01"
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    return int.from_bytes(head[18:20], "little" if little_endian else "big")
