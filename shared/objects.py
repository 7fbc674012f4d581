"""The object store: content under its digest, streamed in and out, and verified on both ways."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import LocalStore, from_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig

# The smallest part that S3 takes. Of each upload there are at most two in memory: one filling, one on its way.
PART_BYTES = 5 * 1024 * 1024
PARTS_AT_ONCE = 1
# What is read at once; a reader that is slow holds no more than this.
CHUNK_BYTES = 256 * 1024
# A store that answers nothing for so long is not asked further; a slow reader of a large file may take this long.
STORE_TIMEOUT = "10m"


class WrongDigest(Exception):
    """What came is not the content with that digest."""


class Damaged(Exception):
    """What the store gives is not what was stored."""


class ObjectStore:
    """Where content lies; in a local folder each is one file whose name is the digest."""

    def __init__(self, url: str) -> None:
        local = url.startswith("file:")
        self._store = from_url(url, mkdir=True) if local else from_url(url, client_options=_client_options())

    async def put(self, sha256: str, content: AsyncIterator[bytes]) -> int:
        """Store what flows by; the number of bytes. Raises WrongDigest, or what the content raises, and keeps nothing.

        Whoever reads it meanwhile finds what was there before, if anything: the new content is there at once.
        """
        size = 0

        async def verified() -> AsyncIterator[bytes]:
            nonlocal size
            digest = hashlib.sha256()
            async for chunk in content:
                digest.update(chunk)
                size += len(chunk)
                yield chunk
            if digest.hexdigest() != sha256:
                raise WrongDigest

        await obstore.put_async(self._store, sha256, verified(), chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        if (folder := self._folder) is not None:
            await asyncio.to_thread(_outlast_a_power_cut, folder, sha256)
        return size

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        """The content in chunks; the last one only if all of it is what was stored, else Damaged is raised.

        Raises FileNotFoundError where there is none.
        """
        found = await obstore.get_async(self._store, sha256)

        async def verified() -> AsyncIterator[bytes]:
            digest, held_back = hashlib.sha256(), b""
            async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                yield held_back
                digest.update(chunk)
                held_back = bytes(chunk)
            if digest.hexdigest() != sha256:
                raise Damaged(f"{sha256} is damaged in the store")
            yield held_back

        return verified()

    async def remove(self, sha256: str) -> None:
        """Leave nothing of it, not even of an upload that a crash cut off; harmless where there is nothing."""
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, sha256)
        if (folder := self._folder) is not None:
            for unfinished in folder.glob(f"{sha256}#*"):
                unfinished.unlink(missing_ok=True)

    @property
    def _folder(self) -> Path | None:
        return self._store.prefix if isinstance(self._store, LocalStore) else None


def _client_options() -> "ClientConfig":
    """Options of our own take the place of those in the environment, so what that allows is said once more."""
    return {"timeout": STORE_TIMEOUT, "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"}


def _outlast_a_power_cut(folder: Path, name: str) -> None:
    for path in (folder / name, folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
