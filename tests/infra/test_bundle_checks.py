"""Each check finds its fault: the zip is right, but for what a test alters."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from infra.bundle import binary_checks, checks, import_checks, start_script, wheel_checks
from infra.bundle.archive import Archive, opened
from infra.bundle.bill_of_materials import BILL
from infra.bundle.build import Built
from infra.bundle.checks import Check
from infra.bundle.manifest import MANIFEST
from infra.bundle.recipe import ROUTER
from infra.bundle.targets import LAMBDA
from tests.infra.altered import Altered

SCRIPT = "functions/router/run.sh"
LIBRARY = "msgspec/_core.cpython-313-aarch64-linux-gnu.so"
WHEEL = "msgspec-0.22.0.dist-info/WHEEL"


@pytest.fixture(scope="module")
def archive(lambda_bundle: Built) -> Iterator[Archive]:
    with opened(lambda_bundle.path) as archive:
        yield archive


def findings(check: Check, archive: Archive, **changes: bytes | None) -> list[str]:
    return list(check(Altered(archive, changes), ROUTER, LAMBDA))


def test_the_zip_as_it_was_built_has_no_fault(archive: Archive) -> None:
    assert checks.check(archive, ROUTER, LAMBDA) == []


@pytest.mark.parametrize(
    ("module", "importer"),
    [
        ("functions/router/chat.py", "functions/router/app.py"),
        ("shared/adapters/dynamodb/rows.py", "shared/adapters/dynamodb/store.py"),
        ("shared/domain/errors.py", "shared/"),
        ("h11/_connection.py", "h11/__init__.py"),
        ("botocore/session.py", "shared/adapters/aws.py"),
        ("uvicorn/loops/asyncio.py", "the recipe"),
        (LIBRARY, "msgspec/"),
    ],
)
def test_a_module_that_is_gone_is_missed_by_name(
    archive: Archive, module: str, importer: str
) -> None:
    name = module.partition(".")[0].replace("/", ".")
    found = findings(import_checks.imports, archive, **{module: None})
    assert any(name in each and importer in each for each in found), found


def test_a_name_that_a_module_no_longer_has_is_missed(archive: Archive) -> None:
    shorter = archive.read("shared/clock.py").replace(b"def utc(", b"def utc_time(")
    found = findings(import_checks.imports, archive, **{"shared/clock.py": shorter})
    assert found
    assert all(each.startswith("shared.clock.utc, imported by") for each in found)


def test_a_data_file_that_is_gone_is_missed(archive: Archive) -> None:
    [found] = findings(import_checks.data_files, archive, **{"shared/catalog/models.toml": None})
    assert found == "models.toml, named in shared/catalog/files.py, is not there"


@pytest.mark.parametrize(
    ("stranger", "said"),
    [
        ("evil.pth", "evil.pth would run at every start of Python"),
        ("infra/router.py", "infra/router.py is no part of the router"),
        ("functions/dispatcher/handler.py", "functions/dispatcher/handler.py is no part"),
        ("six-1.17.0.dist-info/direct_url.json", "should have been left out"),
        ("six-1.17.0.dist-info/RECORD", "should have been left out"),
        ("h11/tests/test_state.py", "should have been left out"),
        ("bin/uvicorn", "should have been left out"),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", "should have been left out"),
    ],
)
def test_what_does_not_belong_is_found(archive: Archive, stranger: str, said: str) -> None:
    [found] = findings(checks.strangers, archive, **{stranger: b""})
    assert said in found


def test_a_wheel_for_another_platform_is_found(archive: Archive) -> None:
    wheel = b"Wheel-Version: 1.0\nTag: cp313-cp313-manylinux_2_17_x86_64\n"
    [found] = findings(wheel_checks.wheel_tags, archive, **{WHEEL: wheel})
    assert found.endswith("is for cp313-cp313-manylinux_2_17_x86_64, not for lambda")


def test_a_wheel_for_a_newer_c_library_than_lambda_s_is_found(archive: Archive) -> None:
    wheel = b"Wheel-Version: 1.0\nTag: cp313-cp313-manylinux_2_39_aarch64\n"
    assert findings(wheel_checks.wheel_tags, archive, **{WHEEL: wheel})


def test_a_requirement_of_a_wheel_that_is_not_there_is_found(archive: Archive) -> None:
    found = findings(wheel_checks.requirements, archive, **{"six-1.17.0.dist-info/METADATA": None})
    assert found == ["python_dateutil-2.9.0.post0.dist-info requires six, which is not there"]


def test_a_requirement_of_a_wheel_in_another_version_is_found(archive: Archive) -> None:
    older = b"Metadata-Version: 2.1\nName: botocore\nVersion: 1.30.0\n"
    name = "botocore-1.44.3.dist-info/METADATA"
    found = findings(wheel_checks.requirements, archive, **{name: older})
    assert any("1.30.0 is there" in each for each in found)


def test_machine_code_of_another_processor_is_found(archive: Archive) -> None:
    library = bytearray(archive.read(LIBRARY))
    library[18:20] = (62).to_bytes(2, "little")
    [found] = findings(binary_checks.machine_code, archive, **{LIBRARY: bytes(library)})
    assert found == f"{LIBRARY} is machine code of another processor than arm64"


def test_machine_code_for_a_newer_c_library_is_found(archive: Archive) -> None:
    library = archive.read(LIBRARY) + b"\0GLIBC_2.38\0"
    [found] = findings(binary_checks.machine_code, archive, **{LIBRARY: library})
    assert "needs glibc 2.38" in found


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\xa7\r\r\n" + b"\1\0\0\0", "another Python"),
        (LAMBDA.magic + b"\0\0\0\0", "compared with its source"),
        (LAMBDA.magic + b"\3\0\0\0", "compared with its source"),
    ],
)
def test_byte_code_that_lambda_would_not_take_as_it_is_is_found(
    archive: Archive, head: bytes, said: str
) -> None:
    name = "shared/__pycache__/clock.cpython-313.pyc"
    found = findings(binary_checks.byte_code, archive, **{name: head})
    assert any(name in each and said in each for each in found)


def test_byte_code_for_some_modules_only_is_found(archive: Archive) -> None:
    manifest = {**json.loads(archive.read(MANIFEST)), "byte_code": True}
    changes = {MANIFEST: json.dumps(manifest).encode(), "shared/lonely.py": b""}
    found = findings(binary_checks.byte_code, archive, **changes)
    assert "shared/lonely.py is not compiled" in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"\n", b"\r\n", "does not begin with #!/bin/sh"),
        (b"export PYTHONPATH=", b"export NOTHING=", "first on PYTHONPATH"),
        (b'cd "$root"', b"cd /", "in the function's folder"),
        (b"functions.router.app:create", b"functions.router.gone:create", "which is not there"),
        (b"-m uvicorn", b"-m gunicorn", "starts gunicorn, which is not there"),
        (b"set -eu", b"exit 3", "ends with status 3"),
        (b"exec python3 -u -m", b"exec python3 -u", "does not start a module"),
    ],
)
def test_a_start_script_that_would_fail_is_found(
    archive: Archive, old: bytes, new: bytes, said: str
) -> None:
    changed = archive.read(SCRIPT).replace(old, new)
    found = findings(start_script.start_script, archive, **{SCRIPT: changed})
    assert any(said in each for each in found), found


def test_a_start_script_that_may_not_be_executed_is_found(archive: Archive) -> None:
    altered = Altered(archive, {}).with_mode(SCRIPT, 0o644)
    assert list(checks.reproducible(altered, ROUTER, LAMBDA)) == [
        f"{SCRIPT} has mode 0644, not 0755"
    ]


def test_a_missing_start_script_is_found(archive: Archive) -> None:
    found = findings(start_script.start_script, archive, **{SCRIPT: None})
    assert found == [f"{SCRIPT} is not there"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("botocore/data/endpoints.json", "botocore/data/endpoints.json is not there"),
        (
            "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
            "botocore's service-2.json of dynamodb is not there",
        ),
    ],
)
def test_a_missing_model_of_a_service_is_found(archive: Archive, name: str, said: str) -> None:
    assert findings(checks.service_models, archive, **{name: None}) == [said]


def test_a_bill_of_materials_that_leaves_a_wheel_out_is_found(archive: Archive) -> None:
    bill = json.loads(archive.read(BILL))
    bill["components"].pop()
    [found] = findings(checks.documents, archive, **{BILL: json.dumps(bill).encode()})
    assert "does not list the wheels" in found


def test_a_manifest_of_another_bundle_is_found(archive: Archive) -> None:
    manifest = {**json.loads(archive.read(MANIFEST)), "architecture": "x86_64"}
    [found] = findings(checks.documents, archive, **{MANIFEST: json.dumps(manifest).encode()})
    assert "tells of another bundle" in found


def test_a_zip_that_is_too_large_for_lambda_is_found(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MAX_ZIPPED_BYTES", 1_000_000)
    monkeypatch.setattr(checks, "MAX_UNZIPPED_BYTES", 2_000_000)
    assert len(findings(checks.sizes, archive)) == 2


def test_a_file_with_a_time_of_its_own_is_found(archive: Archive) -> None:
    altered = Altered(archive, {"new.py": b""})
    altered.entries["new.py"].date_time = (2026, 1, 1, 0, 0, 0)
    found = list(checks.reproducible(altered, ROUTER, LAMBDA))
    assert found == ["new.py has a time of its own"]
