from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.bundle.archive import opened, unzip
from infra.bundle.build import Built, build
from infra.bundle.errors import BundleFailed, BundleRefused
from infra.bundle.recipe import MIB, ROUTER
from infra.bundle.targets import HOST_NAME, LAMBDA, LAMBDA_NAME
from tests.infra.bare import ROOT, run_with

LOCK = (ROOT / "requirements/functions.txt").read_text(encoding="utf-8")
# The router speaks to queues by a client of its own, which has no model.
BOTOCORE_NAMES = {"bedrock": "bedrock-runtime", "logs": None, "sqs": None}


def names_in(built: Built) -> set[str]:
    with opened(built.path) as archive:
        return set(archive.names)


def test_the_zip_for_lambda_is_a_sixth_of_what_lambda_takes(lambda_bundle: Built) -> None:
    assert lambda_bundle.path.name == "router.zip"
    assert lambda_bundle.zipped < 8.4 * MIB
    assert lambda_bundle.unzipped < 42 * MIB


def test_a_rebuild_is_the_same_bytes(lambda_bundle: Built, tmp_path: Path) -> None:
    again = build(ROUTER, LAMBDA, ROOT, tmp_path / "elsewhere", print)
    assert again.sha256 == lambda_bundle.sha256
    assert again.path.read_bytes() == lambda_bundle.path.read_bytes()


def test_of_our_own_code_only_what_the_router_reaches_is_there(lambda_bundle: Built) -> None:
    names = names_in(lambda_bundle)
    assert {
        "functions/router/run.sh",
        "functions/router/app.py",
        "shared/adapters/dynamodb/rows.py",
        "shared/catalog/models.toml",
        "shared/catalog/compiled_prices.json",
    } <= names
    assert "shared/adapters/memory.py" not in names
    assert not [name for name in names if name.startswith(("infra/", "local/", "cli/", "tests/"))]


def test_only_the_start_script_may_be_executed(lambda_bundle: Built) -> None:
    with opened(lambda_bundle.path) as archive:
        modes = {name: archive.mode(name) for name in archive.names}
    assert modes.pop("functions/router/run.sh") == 0o755
    assert set(modes.values()) == {0o644}


def test_every_service_that_the_role_may_call_has_its_model_in_the_zip(
    lambda_bundle: Built,
) -> None:
    statements = run_with("dev", providers=["openai", "bedrock"]).statements.values()
    actions = itertools.chain.from_iterable(each["Action"] for each in statements)
    granted = {action.split(":")[0] for action in actions}
    called = {BOTOCORE_NAMES.get(service, service) for service in granted} - {None}
    assert called == {"bedrock-runtime", "dynamodb", "s3", "secretsmanager"}
    assert called <= set(ROUTER.aws_services)
    models = {name.split("/")[2] for name in names_in(lambda_bundle) if "/service-2.json" in name}
    assert models == set(ROUTER.aws_services)


def test_the_bill_of_materials_names_each_wheel_by_a_hash_of_the_lock(
    lambda_bundle: Built,
) -> None:
    beside = lambda_bundle.path.with_name("router.cdx.json").read_bytes()
    with opened(lambda_bundle.path) as archive:
        assert archive.read("sluice-bundle.cdx.json") == beside
    bill = json.loads(beside)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert len(bill["components"]) > 10
    for component in bill["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert f"{component['name']}=={component['version']} " in LOCK
        [digest] = component["hashes"]
        assert f"sha256:{digest['content']}" in LOCK
        [licence] = component["licenses"]
        assert "unknown" not in str(licence)


def test_no_file_tells_where_it_was_built_or_which_index_served_it(lambda_bundle: Built) -> None:
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    hosts = {urlsplit(url).hostname for url in re.findall(r"https?://[^\s'\"]+", configured)}
    secrets = [host.encode() for host in hosts if host and host != "pypi.org"]
    secrets += [str(ROOT).encode(), str(lambda_bundle.path.parent).encode(), b".bundle-"]
    with opened(lambda_bundle.path) as archive:
        for name in archive.names:
            content = archive.read(name)
            assert [secret for secret in secrets if secret in content] == [], name


def test_a_zip_is_unzipped_only_for_the_target_it_was_built_for(
    host_bundle: Built, lambda_bundle: Built, tmp_path: Path
) -> None:
    folder = tmp_path / "router"
    with pytest.raises(BundleRefused, match="built for lambda, not for host"):
        unzip(lambda_bundle.path, folder, HOST_NAME)
    with pytest.raises(BundleRefused, match="built for host, not for lambda"):
        unzip(host_bundle.path, folder, LAMBDA_NAME)
    assert not folder.exists()
    assert unzip(host_bundle.path, folder, HOST_NAME).function == "router"
    assert (folder / "functions/router/run.sh").stat().st_mode & 0o777 == 0o755


def test_a_package_whose_hash_is_not_the_lock_s_is_not_bundled(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    forged = f"six==1.17.0 --hash=sha256:{'0' * 64}\n"
    (requirements / "functions.txt").write_text(forged)
    with pytest.raises(BundleFailed, match="DO NOT MATCH THE HASHES"):
        build(ROUTER, LAMBDA, tmp_path, tmp_path / "build", print)
    assert list((tmp_path / "build").iterdir()) == []
