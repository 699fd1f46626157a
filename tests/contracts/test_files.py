"""What every store of files promises: the fake, DynamoDB through botocore, and the lean client."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from shared.adapters import aws
from shared.adapters.aws_json import Timeouts
from shared.adapters.dynamodb import wire
from shared.adapters.dynamodb.files import DynamoFiles
from shared.adapters.memory_files import MemoryFiles
from shared.domain.errors import StoreUnavailable
from shared.domain.files import Blob, Listing, Part, StoredFile, Upload
from shared.ports.batches import FileStore

REPORTED: list[tuple[str, str]] = []


def create_table(client: object) -> None:
    client.create_table(  # type: ignore[attr-defined]
        TableName="jobs",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileStore]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client)
        yield DynamoFiles(client, "jobs", lambda *what: REPORTED.append(what))


@pytest.fixture
def on_the_wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileStore]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    aws.session.cache_clear()
    client = boto3.session.Session().client("dynamodb")
    create_table(client)
    lean = wire.connect(Timeouts(connect=5, read=30))
    yield DynamoFiles(lean, "jobs", lambda *what: REPORTED.append(what))
    client.delete_table(TableName="jobs")
    server.stop()
    aws.session.cache_clear()


@pytest.fixture(params=["memory", "dynamo", "on_the_wire"])
def store(request: pytest.FixtureRequest) -> FileStore:
    if request.param == "memory":
        return MemoryFiles()
    found: FileStore = request.getfixturevalue(request.param)
    return found


def a_file(number: int = 1, team: str = "search", **changes: object) -> StoredFile:
    blobs = (Blob(f"{team}/files/a", 3), Blob(f"{team}/files/b", 4))
    file = StoredFile(team, f"file-{number:032x}", "in.jsonl", "batch", 100, 200, blobs)
    return dataclasses.replace(file, **changes)  # type: ignore[arg-type]


UPLOAD = Upload(
    team="search",
    id="upload_" + "1" * 32,
    filename="in.jsonl",
    purpose="batch",
    mime_type="application/jsonl",
    bytes=7,
    created_at=100,
    expires_at=200,
    file_seconds=3600,
)


def test_a_file_comes_back_as_it_was_written(store: FileStore) -> None:
    store.put_file(a_file())
    store.put_file(a_file(purpose="batch_output", blobs=()))
    assert store.file("search", a_file().id) == a_file(purpose="batch_output", blobs=())


def test_a_file_is_found_under_its_own_team_only(store: FileStore) -> None:
    store.put_file(a_file())
    assert store.file("support", a_file().id) is None
    assert store.files("support", Listing(10)) == []
    store.delete_file("support", a_file().id)
    assert store.file("search", a_file().id) == a_file()


def test_a_deleted_file_is_gone_and_may_be_deleted_again(store: FileStore) -> None:
    store.put_file(a_file())
    store.delete_file("search", a_file().id)
    store.delete_file("search", a_file().id)
    assert store.file("search", a_file().id) is None


@pytest.mark.parametrize("newest_first", [True, False])
def test_files_are_listed_by_age_from_a_cursor_on(store: FileStore, newest_first: bool) -> None:
    for number in (3, 1, 4, 2):
        store.put_file(a_file(number))
    store.put_file(a_file(9, "support"))
    numbers = [4, 3, 2, 1] if newest_first else [1, 2, 3, 4]
    expected = [a_file(number) for number in numbers]
    listing = Listing(3, newest_first=newest_first)
    assert store.files("search", listing) == expected[:3]
    rest = dataclasses.replace(listing, after=expected[2].id)
    assert store.files("search", rest) == expected[3:]


def test_an_upload_and_its_parts_come_back_as_they_were_written(store: FileStore) -> None:
    store.put_upload(UPLOAD)
    parts = [
        Part(f"part_{n:032x}", UPLOAD.id, 100, Blob(f"search/files/{n}", n)) for n in (1, 2, 3)
    ]
    for part in reversed(parts):
        store.put_part("search", part)
    assert store.upload("search", UPLOAD.id) == UPLOAD
    assert store.parts("search", UPLOAD.id) == parts
    assert store.upload("support", UPLOAD.id) is None
    assert store.parts("support", UPLOAD.id) == []


def test_an_upload_ends_once_whoever_comes_first(store: FileStore) -> None:
    store.put_upload(UPLOAD)
    completed = dataclasses.replace(UPLOAD, status="completed", file_id=a_file(1).id)
    assert store.end_upload(completed, a_file(1)) == completed
    other = dataclasses.replace(UPLOAD, status="completed", file_id=a_file(2).id)
    cancelled = dataclasses.replace(UPLOAD, status="cancelled")
    assert store.end_upload(other, a_file(2)) == completed
    assert store.end_upload(cancelled, None) == completed
    assert store.end_upload(completed, a_file(1)) == completed
    assert store.files("search", Listing(10)) == [a_file(1)]


def test_a_cancelled_upload_becomes_no_file(store: FileStore) -> None:
    store.put_upload(UPLOAD)
    cancelled = dataclasses.replace(UPLOAD, status="cancelled")
    assert store.end_upload(cancelled, None) == cancelled
    completed = dataclasses.replace(UPLOAD, status="completed", file_id=a_file(1).id)
    assert store.end_upload(completed, a_file(1)) == cancelled
    assert store.files("search", Listing(10)) == []


def test_a_listing_longer_than_a_page_of_dynamodb_is_read_to_its_end(store: FileStore) -> None:
    blobs = tuple(Blob("search/files/" + "x" * 900, 1) for _ in range(300))
    for number in range(6):
        store.put_file(a_file(number, blobs=blobs))
    assert [each.id for each in store.files("search", Listing(6, newest_first=False))] == [
        a_file(number).id for number in range(6)
    ]


def test_a_table_that_is_down_is_said_to_be(
    dynamo: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = DynamoFiles(
        boto3.client("dynamodb", region_name="us-east-1"), "nowhere", lambda *_: None
    )
    asks = (
        lambda: nowhere.put_file(a_file()),
        lambda: nowhere.file("search", "x"),
        lambda: nowhere.files("search", Listing(1)),
        lambda: nowhere.delete_file("search", "x"),
        lambda: nowhere.end_upload(UPLOAD, None),
    )
    for ask in asks:
        with pytest.raises(StoreUnavailable):
            ask()
