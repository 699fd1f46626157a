"""The stack run from the unzipped bundle: the zip answers, and not the checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.router import models
from infra.bundle.archive import unzip
from infra.bundle.build import Built
from infra.bundle.targets import HOST_NAME
from tests.system.conftest import Stack, running_stack

pytestmark = pytest.mark.system

QUESTION = "Which gate holds back a canal?"
IN_THE_CHECKOUT = "1_767_225_600"
IN_THE_ZIP = "1_700_000_000"


@pytest.fixture(scope="module")
def folder(host_bundle: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unzip the bundle, and make one constant other than it is in the checkout."""
    folder = tmp_path_factory.mktemp("var") / "task"
    unzip(host_bundle.path, folder, HOST_NAME)
    source = folder / "functions/router/models.py"
    text = source.read_text(encoding="utf-8")
    assert IN_THE_CHECKOUT in text
    source.write_text(text.replace(IN_THE_CHECKOUT, IN_THE_ZIP), encoding="utf-8")
    for compiled in (source.parent / "__pycache__").glob("models.*.pyc"):
        compiled.unlink()
    return folder


@pytest.fixture(scope="module")
def bundled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("bundled"), bundle=folder) as stack:
        yield stack
        assert stack.look("/denials") == []
        assert stack.look("/problems") == []


def ask(stack: Stack) -> tuple[str | None, str | None]:
    answer = stack.client().chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": QUESTION}]
    )
    return answer.headers.get("x-sluice-cache"), answer.parse().choices[0].message.content


def test_the_bundle_answers_a_miss_a_hit_and_a_stream(bundled: Stack) -> None:
    missed, answer = ask(bundled)
    hit, again = ask(bundled)
    assert (missed, hit) == ("miss", "hit")
    assert answer
    assert again == answer
    stream = bundled.client().chat.completions.create(
        model="auto", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    pieces = [each.choices[0].delta.content or "" for each in stream if each.choices]
    assert "".join(pieces) == answer


def test_the_routes_that_are_seldom_asked_for_are_in_the_zip(bundled: Stack) -> None:
    client, claude = bundled.client(), bundled.claude()
    made = client.files.create(file=("lines.jsonl", b"{}\n"), purpose="batch")
    assert [each.id for each in client.files.list().data] == [made.id]
    upload = client.uploads.create(bytes=1, filename="a", mime_type="a/b", purpose="batch")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    assert client.batches.list().data == []
    assert claude.messages.batches.list().data == []


def test_the_modules_that_answer_are_the_zip_s(bundled: Stack) -> None:
    listed = bundled.client().models.list().data
    assert {model.created for model in listed} == {int(IN_THE_ZIP)}
    assert int(IN_THE_CHECKOUT) == models._CREATED


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system has no /proc")
def test_the_processes_run_in_the_folder_on_a_python_without_packages(
    bundled: Stack, folder: Path
) -> None:
    processes = bundled.look("/routers")
    assert len(processes) >= 2
    for process in processes:
        proc = Path("/proc") / str(process["pid"])
        assert proc.joinpath("cwd").readlink() == folder
        mapped = proc.joinpath("maps").read_text()
        assert f"{folder}/msgspec/_core" in mapped
        assert "site-packages" not in mapped
        environment = proc.joinpath("environ").read_bytes().decode().split("\0")
        assert f"PYTHONPATH={folder}" in environment
        assert f"LAMBDA_TASK_ROOT={folder}" in environment
        assert os.fspath(Path(__file__).parents[2]) not in "\n".join(environment)


def test_a_world_on_a_bundle_says_so(bundled: Stack) -> None:
    told = "\n".join(bundled.look("/differences")["differences"])
    assert "run from a bundle of the same recipe" in told
    assert "run from the checkout" not in told
