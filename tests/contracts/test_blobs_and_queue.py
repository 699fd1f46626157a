"""What ``Blobs`` and ``JobQueue`` promise, on the fakes and on S3 and SQS (moto) alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shared.adapters import blobs as module
from shared.adapters.blobs import S3Blobs
from shared.adapters.job_queue import SqsJobQueue
from shared.adapters.memory_jobs import MemoryBlobs, MemoryQueue
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.messages import place_in


@pytest.fixture(params=["memory", "s3"])
def blobs(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryBlobs()
        return
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="batches")
        yield S3Blobs(client, "batches", lambda *_: None)


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_a_file_comes_back_whole(blobs: Any, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bytes(range(256)) * (size // 256 + 1)
    blobs.write("a/b", (whole[at : at + 999] for at in range(0, len(whole), 999)))
    assert b"".join(blobs.read("a/b")) == whole


def test_a_file_is_replaced_deleted_and_missed(blobs: Any) -> None:
    blobs.write("a", [b"one"])
    blobs.write("a", [b"two"])
    assert b"".join(blobs.read("a")) == b"two"
    blobs.delete("a")
    blobs.delete("a")
    with pytest.raises(KeyError):
        blobs.read("a")


def test_a_file_that_breaks_off_is_not_there(blobs: Any) -> None:
    def parts() -> Iterator[bytes]:
        yield b"x" * 6 * 1024 * 1024
        raise RuntimeError

    with pytest.raises(RuntimeError):
        blobs.write("a", parts())
    with pytest.raises(KeyError):
        blobs.read("a")


def test_a_large_file_is_written_in_parts_of_which_none_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PART_BYTES", 5 * 1024 * 1024)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="batches")
        blobs = S3Blobs(client, "batches", lambda *_: None)
        blobs.write("a", (b"%07d" % n * 1000 for n in range(1700)))
        assert sum(map(len, blobs.read("a"))) == 1700 * 7000

        def parts() -> Iterator[bytes]:
            yield b"x" * 6 * 1024 * 1024
            raise RuntimeError

        with pytest.raises(RuntimeError):
            blobs.write("b", parts())
        assert "Uploads" not in client.list_multipart_uploads(Bucket="batches")


def test_a_bucket_that_is_not_there_is_a_store_that_is_down() -> None:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        with pytest.raises(StoreUnavailable):
            S3Blobs(client, "none", lambda *_: None).write("a", [b"x"])


def test_messages_hold_ids_and_their_tenants_are_groups() -> None:
    places = [(f"team{n % 3}", f"job_{n:032x}") for n in range(23)]
    fake = MemoryQueue()
    fake.send(places)
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        url = client.create_queue(QueueName="jobs")["QueueUrl"]
        SqsJobQueue(client, url, lambda *_: None).send(places)
        found: list[tuple[str, str]] = []
        while batch := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            found += [place_in(message["Body"]) for message in batch]
    assert sorted(found) == sorted(places) == sorted(fake.sent)


def test_a_queue_that_is_not_there_is_a_store_that_is_down() -> None:
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        with pytest.raises(StoreUnavailable):
            SqsJobQueue(client, "https://sqs.us-east-1.amazonaws.com/1/no", lambda *_: None).send(
                [("a", "b")]
            )
