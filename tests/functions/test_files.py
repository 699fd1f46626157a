"""Files and uploads by the stock SDK, against the app on fakes."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.conftest import Gateway, make_gateway, run

MiB = 1024 * 1024
HOUR = 3600
LINES = b'{"custom_id": "a"}\r\n\xff\x00 --not a boundary\r\n'
UNKNOWN = "0" * 32

Ask = Callable[[openai.AsyncOpenAI], Awaitable[Any]]


def ask(gateway: Gateway, work: Ask, team: str = "search") -> Any:
    """Let the stock SDK, strict and impatient, do something as a team."""

    async def asked() -> Any:
        transport = httpx2.ASGITransport(app=gateway.app, raise_app_exceptions=False)
        async with (
            httpx2.AsyncClient(transport=transport) as http,
            openai.AsyncOpenAI(
                base_url="http://gateway/v1",
                api_key=gateway.keys[team],
                http_client=http,
                max_retries=0,
                _strict_response_validation=True,
            ) as client,
        ):
            return await work(client)

    return run(asked())


def put(gateway: Gateway, content: bytes = LINES, team: str = "search", **more: Any) -> Any:
    sent = ("ask.jsonl", content)
    return ask(gateway, lambda c: c.files.create(file=sent, purpose="batch", **more), team)


def content_of(gateway: Gateway, file_id: str) -> bytes:
    async def read(client: openai.AsyncOpenAI) -> bytes:
        return (await client.files.content(file_id)).content

    found: bytes = ask(gateway, read)
    return found


def refused(work: Callable[[], Any]) -> Any:
    with pytest.raises(openai.APIStatusError) as error:
        work()
    return error.value


def test_a_file_comes_back_byte_for_byte(gateway: Gateway) -> None:
    file = put(gateway)
    assert (file.bytes, file.filename, file.purpose) == (len(LINES), "ask.jsonl", "batch")
    assert file.expires_at - file.created_at == 30 * 24 * HOUR
    assert ask(gateway, lambda c: c.files.retrieve(file.id)) == file
    assert content_of(gateway, file.id) == LINES


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=300) | st.sampled_from([b"\r\n", b"--", b"\r\n--"]))
def test_whatever_bytes_a_form_carries_they_come_back(gateway: Gateway, content: bytes) -> None:
    assert content_of(gateway, put(gateway, content).id) == content


def test_a_file_is_gone_after_it_was_deleted(gateway: Gateway) -> None:
    file = put(gateway)
    assert ask(gateway, lambda c: c.files.delete(file.id)).deleted
    assert refused(lambda: content_of(gateway, file.id)).status_code == 404
    assert refused(lambda: ask(gateway, lambda c: c.files.delete(file.id))).status_code == 404
    assert gateway.blobs.files == {}


def test_a_file_is_gone_when_its_time_is_over(gateway: Gateway) -> None:
    file = put(gateway, expires_after={"anchor": "created_at", "seconds": HOUR})
    gateway.time[0] += HOUR - 1
    assert content_of(gateway, file.id) == LINES
    gateway.time[0] += 1
    assert refused(lambda: content_of(gateway, file.id)).status_code == 404
    assert ask(gateway, lambda c: c.files.list()).data == []


def test_files_are_listed_page_by_page_in_either_order(gateway: Gateway) -> None:
    ids = []
    for _ in range(5):
        ids.append(put(gateway).id)
        gateway.time[0] += 1

    async def every(client: openai.AsyncOpenAI, **asked: Any) -> list[str]:
        return [file.id async for file in client.files.list(limit=2, **asked)]

    assert ask(gateway, every) == ids[::-1]
    assert ask(gateway, lambda c: every(c, order="asc")) == ids
    assert ask(gateway, lambda c: every(c, order="asc", after=ids[2])) == ids[3:]
    assert ask(gateway, lambda c: every(c, purpose="batch_output")) == []


def test_the_413_of_a_large_file_names_the_way_for_it(gateway: Gateway) -> None:
    assert put(gateway, b"x" * (4 * MiB)).bytes == 4 * MiB
    error = refused(lambda: put(gateway, b"x" * (4 * MiB + 65 * 1024)))
    assert error.status_code == 413
    assert "/v1/uploads" in error.message


@pytest.mark.parametrize(
    ("work", "param"),
    [
        (lambda c: c.files.create(file=("a", b"x"), purpose="assistants"), "purpose"),
        (lambda c: c.files.create(file=("a", b""), purpose="batch"), "file"),
        (
            lambda c: c.files.create(
                file=("a", b"x"),
                purpose="batch",
                expires_after={"anchor": "created_at", "seconds": 60},
            ),
            "expires_after.seconds",
        ),
        (
            lambda c: c.files.create(file=("a", b"x"), purpose="batch", extra_body={"q": "1"}),
            "q",
        ),
        (lambda c: c.files.create(file=("a" * 300, b"x"), purpose="batch"), "filename"),
        (lambda c: c.files.list(limit=0), "limit"),
        (lambda c: c.files.list(limit=10_001), "limit"),
        (lambda c: c.files.list(after="batch_1"), "after"),
        (lambda c: c.files.list(extra_query={"colour": "red"}), "colour"),
        (lambda c: c.files.list(extra_query={"order": "up"}), "order"),
        (
            lambda c: c.uploads.create(
                bytes=201 * MiB, filename="a", mime_type="text/plain", purpose="batch"
            ),
            "bytes",
        ),
        (
            lambda c: c.uploads.create(
                bytes=1, filename="a", mime_type="text/plain", purpose="vision"
            ),
            "purpose",
        ),
    ],
)
def test_bad_input_names_its_field(gateway: Gateway, work: Ask, param: str) -> None:
    error = refused(lambda: ask(gateway, work))
    assert (error.status_code, error.body["param"]) == (400, param)


@pytest.mark.parametrize(
    ("body", "content_type", "param"),
    [
        (b"{}", "application/json", "content-type"),
        (b"", "multipart/form-data", "content-type"),
        (b"", "multipart/form-data; boundary=x", None),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", None),
        (b"--x--\r\n", "multipart/form-data; boundary=x", "file"),
        (b"--x\r\nA: b\r\n\r\nc\r\n--x--\r\n", "multipart/form-data; boundary=x", None),
        (b"--x\r\n" * 40 + b"--x--", "multipart/form-data; boundary=x", None),
        (b"junk", "multipart/form-data; boundary=" + "y" * 300, "content-type"),
    ],
)
def test_a_form_that_is_none_is_a_400(
    gateway: Gateway, body: bytes, content_type: str, param: str | None
) -> None:
    headers = {"authorization": f"Bearer {gateway.keys['search']}", "content-type": content_type}
    answer = run(gateway.post(body, headers, "/v1/files"))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.lists(
        st.sampled_from(
            [b"--x", b"--", b"\r\n", b"Content-Disposition: form-data; name=", b'"file"', b"; ",
             b'filename="a"', b"filename*=utf-8''%zz", b"\xff", b"\x00", b"purpose", b"batch"]
        )
        | st.binary(max_size=8)
    ).map(b"".join)
)  # fmt: skip
def test_no_form_is_too_broken_for_a_4xx(gateway: Gateway, body: bytes) -> None:
    kind = "multipart/form-data; boundary=x"
    headers = {"authorization": f"Bearer {gateway.keys['search']}", "content-type": kind}
    assert run(gateway.post(body, headers, "/v1/files")).status_code in {200, 400}


def test_a_large_file_comes_in_parts_and_is_one_file(gateway: Gateway) -> None:
    content = bytes(range(256)) * 1024

    async def upload(client: openai.AsyncOpenAI) -> Any:
        return await client.uploads.upload_file_chunked(
            file=content,
            filename="ask.jsonl",
            bytes=len(content),
            mime_type="application/jsonl",
            purpose="batch",
            part_size=100_000,
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        )

    done = ask(gateway, upload)
    assert (done.status, done.file.bytes) == ("completed", len(content))
    assert content_of(gateway, done.file.id) == content


def begun(gateway: Gateway, size: int) -> Any:
    return ask(
        gateway,
        lambda c: c.uploads.create(
            bytes=size, filename="a.jsonl", mime_type="text/plain", purpose="batch"
        ),
    )


def part(gateway: Gateway, upload_id: str, data: bytes) -> Any:
    return ask(gateway, lambda c: c.uploads.parts.create(upload_id, data=data))


def complete(gateway: Gateway, upload_id: str, *part_ids: str, **more: Any) -> Any:
    return ask(gateway, lambda c: c.uploads.complete(upload_id, part_ids=part_ids, **more))


def test_the_order_of_parts_is_the_callers(gateway: Gateway) -> None:
    upload = begun(gateway, 4)
    first, second = (part(gateway, upload.id, data).id for data in (b"ab", b"cd"))
    done = complete(gateway, upload.id, second, first)
    assert content_of(gateway, done.file.id) == b"cdab"
    assert complete(gateway, upload.id, second, first) == done


def test_what_is_wrong_with_a_completion_is_named(gateway: Gateway) -> None:
    upload = begun(gateway, 4)
    first = part(gateway, upload.id, b"ab").id
    for ids, more, param in (
        ([first], {}, "part_ids"),
        ([first, first], {}, "part_ids"),
        ([first, "part_" + UNKNOWN], {}, "part_ids"),
        ([], {}, "part_ids"),
        ([first], {"md5": "x"}, "md5"),
    ):
        error = refused(lambda: complete(gateway, upload.id, *ids, **more))  # noqa: B023
        assert (error.status_code, error.body["param"]) == (400, param)
    second = part(gateway, upload.id, b"cd").id
    error = refused(lambda: complete(gateway, upload.id, first, second, md5="0" * 32))
    assert error.body["param"] == "md5"
    assert complete(gateway, upload.id, first, second).status == "completed"


def test_a_cancelled_upload_takes_nothing_more_and_leaves_no_bytes(gateway: Gateway) -> None:
    upload = begun(gateway, 2)
    first = part(gateway, upload.id, b"ab").id
    assert ask(gateway, lambda c: c.uploads.cancel(upload.id)).status == "cancelled"
    assert gateway.blobs.files == {}
    for work in (
        lambda: part(gateway, upload.id, b"cd"),
        lambda: complete(gateway, upload.id, first),
    ):
        assert refused(work).body["param"] == "upload_id"
    assert ask(gateway, lambda c: c.uploads.cancel(upload.id)).status == "cancelled"


def test_a_completed_upload_is_not_cancelled(gateway: Gateway) -> None:
    upload = begun(gateway, 2)
    done = complete(gateway, upload.id, part(gateway, upload.id, b"ab").id)
    error = refused(lambda: ask(gateway, lambda c: c.uploads.cancel(upload.id)))
    assert error.status_code == 400
    assert content_of(gateway, done.file.id) == b"ab"


def test_an_upload_waits_an_hour_for_its_parts(gateway: Gateway) -> None:
    upload = begun(gateway, 2)
    gateway.time[0] += HOUR
    error = refused(lambda: part(gateway, upload.id, b"ab"))
    assert (error.status_code, "expired" in error.message) == (400, True)


def test_another_teams_files_are_as_if_they_were_not(gateway: Gateway) -> None:
    file, upload = put(gateway), begun(gateway, 2)
    mine = part(gateway, upload.id, b"ab").id
    strangers: list[tuple[Ask, Ask]] = [
        (lambda c: c.files.retrieve(file.id), lambda c: c.files.retrieve("file-" + UNKNOWN)),
        (lambda c: c.files.content(file.id), lambda c: c.files.content("file-" + UNKNOWN)),
        (lambda c: c.files.delete(file.id), lambda c: c.files.delete("file-" + UNKNOWN)),
        (lambda c: c.uploads.cancel(upload.id), lambda c: c.uploads.cancel("upload_" + UNKNOWN)),
        (
            lambda c: c.uploads.parts.create(upload.id, data=b"x"),
            lambda c: c.uploads.parts.create("upload_" + UNKNOWN, data=b"x"),
        ),
        (
            lambda c: c.uploads.complete(upload.id, part_ids=[mine]),
            lambda c: c.uploads.complete("upload_" + UNKNOWN, part_ids=[mine]),
        ),
    ]
    for theirs, nobodys in strangers:
        errors = [refused(lambda: ask(gateway, w, "support")) for w in (theirs, nobodys)]  # noqa: B023
        said = [(each.status_code, each.body["message"].split(" '")[0]) for each in errors]
        assert said[0] == said[1]
        assert said[0][0] == 404
    assert ask(gateway, lambda c: c.files.list(), "support").data == []
    assert content_of(gateway, file.id) == LINES


def test_without_a_key_nothing_is_served_or_read(gateway: Gateway) -> None:
    for method, path in (
        ("POST", "/v1/files"),
        ("GET", "/v1/files"),
        ("GET", f"/v1/files/file-{UNKNOWN}/content"),
        ("POST", "/v1/uploads"),
        ("POST", f"/v1/uploads/upload_{UNKNOWN}/parts"),
    ):
        assert run(gateway.call(method, path)).status_code == 401


def test_a_store_that_is_down_is_a_503() -> None:
    gateway = make_gateway("openai")
    gateway.files.down |= {"put_file", "files"}
    assert refused(lambda: put(gateway)).status_code == 503
    assert refused(lambda: ask(gateway, lambda c: c.files.list())).status_code == 503
