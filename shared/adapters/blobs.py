"""Files in S3, streamed: the inputs and manifests of batches, and bodies too large for a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb.reaching import Report
from shared.domain.errors import StoreUnavailable

_PART_BYTES: Final = 8 * 1024 * 1024
"""S3 takes parts of 5 MB and more, and 10,000 of them."""
_READ_BYTES: Final = 256 * 1024
_MISSING: Final = frozenset({"NoSuchKey", "404"})


class S3Blobs:
    """Implements ``Blobs`` on one bucket."""

    def __init__(self, client: Any, bucket: str, report: Report) -> None:
        self._client = client
        self._bucket = bucket
        self._report = report

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Put a small file at once, a large one in parts; what breaks off leaves no file."""
        pieces = _pieces(parts)
        first = next(pieces, b"")
        if len(first) < _PART_BYTES:
            with self._reaching("write"):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=first)
            return
        self._write_large(key, first, pieces)

    def read(self, key: str) -> Iterator[bytes]:
        """Yield it while it arrives."""
        try:
            with self._reaching("read"):
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except _NotThere:
            raise KeyError(key) from None
        return self._chunks(answer["Body"])

    def delete(self, key: str) -> None:
        """Delete it."""
        with self._reaching("delete"):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _chunks(self, body: Any) -> Iterator[bytes]:
        with self._reaching("read"):
            yield from body.iter_chunks(_READ_BYTES)

    def _write_large(self, key: str, first: bytes, pieces: Iterator[bytes]) -> None:
        place = {"Bucket": self._bucket, "Key": key}
        with self._reaching("write"):
            upload = self._client.create_multipart_upload(**place)["UploadId"]
        try:
            done = [self._part(place, upload, 1, first)]
            for number, piece in enumerate(pieces, start=2):
                done.append(self._part(place, upload, number, piece))
            with self._reaching("write"):
                self._client.complete_multipart_upload(
                    **place, UploadId=upload, MultipartUpload={"Parts": done}
                )
        except BaseException:
            self._abort(place, upload)
            raise

    def _part(
        self, place: dict[str, str], upload: str, number: int, piece: bytes
    ) -> dict[str, Any]:
        with self._reaching("write"):
            answer = self._client.upload_part(
                **place, UploadId=upload, PartNumber=number, Body=piece
            )
        return {"ETag": answer["ETag"], "PartNumber": number}

    def _abort(self, place: dict[str, str], upload: str) -> None:
        """Give the parts up; where that fails, the bucket's lifecycle does it."""
        try:
            self._client.abort_multipart_upload(**place, UploadId=upload)
        except (ClientError, BotoCoreError) as error:
            self._report("abort", type(error).__name__)

    @contextmanager
    def _reaching(self, operation: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise _NotThere from error
            self._report(operation, code)
            raise StoreUnavailable("bucket") from error
        except BotoCoreError as error:
            self._report(operation, type(error).__name__)
            raise StoreUnavailable("bucket") from error


class _NotThere(Exception):
    pass


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts in pieces of equal length, the last one shorter."""
    gathered = bytearray()
    for part in parts:
        gathered += part
        while len(gathered) >= _PART_BYTES:
            yield bytes(gathered[:_PART_BYTES])
            del gathered[:_PART_BYTES]
    if gathered:
        yield bytes(gathered)
