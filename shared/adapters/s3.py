"""Blobs in the private bucket, through botocore: only calls that have to do with batches come here.

Source of the limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters import aws
from shared.adapters.dynamodb.reaching import Report, reaching
from shared.domain.errors import StoreUnavailable

PIECE_BYTES: Final = 8 * 1024 * 1024
"""Held at once while a blob is written; S3 wants 5 MiB at least of every piece but the last."""
_READ_BYTES: Final = 256 * 1024
_MISSING: Final = "NoSuchKey"


def connect() -> Any:
    """Return a client for the function's own region and role."""
    timeouts = Config(connect_timeout=2, read_timeout=30, retries={"max_attempts": 3})
    return aws.client("s3", timeouts)


class S3Blobs:
    """Implements :class:`shared.ports.Blobs` in one bucket."""

    def __init__(self, client: Any, bucket: str, report: Report) -> None:
        self._client = client
        self._bucket = bucket
        self._report = report

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Put the blob; one that is larger than a piece goes up in pieces and ends as a whole."""
        pieces = in_pieces(parts, PIECE_BYTES)
        first = next(pieces, b"")
        second = next(pieces, None)
        if second is None:
            with reaching(self._report, "put_object"):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=first)
            return
        self._write_in_pieces(key, first, second, pieces)

    def read(self, key: str) -> Iterator[bytes]:
        """Get the blob, its first bytes when they are asked for."""
        try:
            with reaching(self._report, "get_object", passing=_MISSING):
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError:
            raise KeyError(key) from None
        return self._chunks(body)

    def delete(self, key: str) -> None:
        """Delete the blob."""
        with reaching(self._report, "delete_object"):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _chunks(self, body: Any) -> Iterator[bytes]:
        with body:
            try:
                yield from body.iter_chunks(_READ_BYTES)
            except BotoCoreError as error:
                self._report("get_object", type(error).__name__)
                raise StoreUnavailable("store") from error

    def _write_in_pieces(
        self, key: str, first: bytes, second: bytes, rest: Iterator[bytes]
    ) -> None:
        place = {"Bucket": self._bucket, "Key": key}
        with reaching(self._report, "create_multipart_upload"):
            place["UploadId"] = self._client.create_multipart_upload(**place)["UploadId"]
        try:
            done = [self._put_piece(place, 1, first), self._put_piece(place, 2, second)]
            done += [self._put_piece(place, number, each) for number, each in enumerate(rest, 3)]
            with reaching(self._report, "complete_multipart_upload"):
                self._client.complete_multipart_upload(**place, MultipartUpload={"Parts": done})
        except BaseException:
            # What is left behind is billed until the bucket's own rule ends it.
            with suppress(StoreUnavailable), reaching(self._report, "abort_multipart_upload"):
                self._client.abort_multipart_upload(**place)
            raise

    def _put_piece(self, place: dict[str, Any], number: int, piece: bytes) -> dict[str, Any]:
        with reaching(self._report, "upload_part"):
            put = self._client.upload_part(**place, PartNumber=number, Body=piece)
        return {"PartNumber": number, "ETag": put["ETag"]}


def in_pieces(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of one size, the last one smaller."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
