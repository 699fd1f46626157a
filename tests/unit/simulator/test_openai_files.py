"""OpenAI's files, through the stock SDK."""

from __future__ import annotations

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.unit.simulator.batch_lines import HOUR, chat_line, jsonl, upload
from tests.unit.simulator.conftest import KEY, Simulator

DAY = 24 * HOUR


def test_a_file_comes_back_as_it_was_sent(openai: OpenAI) -> None:
    lines = [chat_line("a"), chat_line("b")]
    file = upload(openai, lines)
    assert (file.purpose, file.filename, file.bytes) == ("batch", "in.jsonl", len(jsonl(lines)))
    assert openai.files.retrieve(file.id) == file
    assert openai.files.content(file.id).content == jsonl(lines)


def test_a_file_is_gone_after_thirty_days_or_the_time_asked_for(
    simulator: Simulator, openai: OpenAI
) -> None:
    usual = upload(openai, [chat_line("a")])
    short = openai.files.create(
        file=b"{}", purpose="batch", expires_after={"anchor": "created_at", "seconds": HOUR}
    )
    assert (usual.expires_at or 0) - usual.created_at == 30 * DAY
    simulator.pass_seconds(HOUR)
    assert [file.id for file in openai.files.list()] == [usual.id]
    with pytest.raises(NotFoundError):
        openai.files.content(short.id)
    simulator.pass_seconds(30 * DAY)
    with pytest.raises(NotFoundError):
        openai.files.retrieve(usual.id)


def test_the_list_is_paged_newest_first_and_filtered(openai: OpenAI) -> None:
    made = [upload(openai, [chat_line(str(number))]).id for number in range(5)]
    assert [file.id for file in openai.files.list(limit=2)] == made[::-1]
    assert [file.id for file in openai.files.list(limit=2, order="asc")] == made
    page = openai.files.list(limit=2, after=made[2])
    assert ([file.id for file in page.data], page.has_more) == ([made[1], made[0]], False)
    assert list(openai.files.list(purpose="batch_output")) == []


def test_a_deleted_file_is_gone(openai: OpenAI) -> None:
    file = upload(openai, [chat_line("a")])
    assert openai.files.delete(file.id).deleted
    with pytest.raises(NotFoundError):
        openai.files.retrieve(file.id)


def test_a_file_of_another_key_does_not_exist(openai: OpenAI) -> None:
    file = upload(openai, [chat_line("a")])
    other = openai.with_options(api_key=KEY + "-other")
    for ask in (other.files.retrieve, other.files.delete, other.files.content):
        with pytest.raises(NotFoundError):
            ask(file.id)
    assert list(other.files.list()) == []


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "vision"}, "purpose"),
        ({"extra_body": {"colour": "red"}}, "colour"),
        ({"expires_after": {"anchor": "created_at", "seconds": 60}}, "expires_after"),
    ],
)
def test_a_wrong_field_is_named(openai: OpenAI, fields: dict[str, object], param: str) -> None:
    given: dict[str, object] = {"file": b"{}", "purpose": "batch", **fields}
    with pytest.raises(BadRequestError) as refused:
        openai.files.create(**given)  # type: ignore[arg-type]
    assert refused.value.param == param


@pytest.mark.parametrize("body", [b"", b"--x\r\nbroken", b"{}"])
def test_what_is_no_form_is_refused(simulator: Simulator, body: bytes) -> None:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "multipart/form-data; boundary=x"}
    answer = simulator.control.post("/v1/files", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("prefix", ["/xai/v1", "/gemini/v1beta/openai", "/deepseek"])
def test_other_providers_have_no_such_files_or_batches(simulator: Simulator, prefix: str) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    for path in ("/files", "/batches"):
        assert simulator.control.get(prefix + path, headers=headers).status_code == 404
