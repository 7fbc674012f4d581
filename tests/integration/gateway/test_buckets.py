"""Content in a bucket: a store that speaks as much of S3 as is needed, on this machine, over plain HTTP."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.objects import PART_BYTES, Damaged, ObjectStore, WrongDigest

PREFIX = "/bucket/tandem/files/"


class Bucket(ThreadingHTTPServer):
    """What is stored by its path, and the parts of the upload that is under way, None while there is none."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.stored: dict[str, bytes] = {}
        self.parts: dict[int, bytes] | None = None

    def answer(self, method: str, path: str, asked: dict[str, list[str]], body: bytes) -> bytes | None:
        """What is told; None where there is nothing."""
        told: bytes | None = b""
        match method:
            case "POST" if "uploads" in asked:
                self.parts = {}
                told = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
            case "PUT" if self.parts is not None:
                self.parts[int(asked["partNumber"][0])] = body
            case "POST" if self.parts is not None:
                self.stored[path] = b"".join(part for _, part in sorted(self.parts.items()))
                self.parts = None
                told = b"<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>"
            case "DELETE" if "uploadId" in asked:
                self.parts = None
            case "POST" if "delete" in asked:
                [key] = re.findall(b"<Key>(.*)</Key>", body)
                self.stored.pop(f"/bucket/{key.decode()}", None)
                told = b"<DeleteResult><Deleted><Key>" + key + b"</Key></Deleted></DeleteResult>"
            case _:
                told = self.stored.get(path)
        return told


class _Asked(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        where = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = parse_qs(where.query, keep_blank_values=True)
        answer = self.server.answer(self.command, where.path, asked, body)
        told = answer or b""
        self.send_response(404 if answer is None else 200)
        for name, value in (("ETag", '"1"'), ("Last-Modified", self.date_time_string()), ("Content-Length", len(told))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with Bucket() as bucket:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{bucket.server_port}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tandem")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        Thread(target=bucket.serve_forever, daemon=True).start()
        yield bucket
        bucket.shutdown()


async def pieces_of(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000_000):
        yield content[start : start + 1_000_000]


async def read(store: ObjectStore, sha256: str) -> bytes:
    return b"".join([chunk async for chunk in await store.open(sha256)])


@pytest.mark.parametrize("size", [0, 10, PART_BYTES, 2 * PART_BYTES + 7])
async def test_content_goes_in_by_parts_and_out_whole_and_is_removed(bucket: Bucket, size: int) -> None:
    store, content = ObjectStore("s3://bucket/tandem/files"), bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    digest = hashlib.sha256(content).hexdigest()
    assert await store.put(digest, pieces_of(content)) == size
    assert bucket.stored == {PREFIX + digest: content}
    assert await read(store, digest) == content
    await store.remove(digest)
    assert bucket.stored == {}
    with pytest.raises(FileNotFoundError):
        await store.open(digest)


@pytest.mark.parametrize("size", [10, 2 * PART_BYTES + 7])
async def test_of_content_with_another_digest_nothing_stays(bucket: Bucket, size: int) -> None:
    store, digest = ObjectStore("s3://bucket/tandem/files"), "0" * 64
    bucket.stored[PREFIX + digest] = b"what was there before"
    with pytest.raises(WrongDigest):
        await store.put(digest, pieces_of(bytes(size)))
    assert bucket.stored == {PREFIX + digest: b"what was there before"}
    assert bucket.parts is None, "no upload is left to be paid for"


async def test_what_the_bucket_has_damaged_is_not_given_as_if_it_were_whole(bucket: Bucket) -> None:
    store = ObjectStore("s3://bucket/tandem/files")
    bucket.stored[PREFIX + "0" * 64] = b"something else"
    with pytest.raises(Damaged):
        await read(store, "0" * 64)
