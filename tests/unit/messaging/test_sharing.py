"""How shards are divided: all of them, among all who are there, as evenly as can be."""

from collections.abc import Iterable
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import new_id
from shared.messaging import leases
from shared.messaging.leases import Division, Shard
from shared.messaging.sharing import Serving, Share
from shared.messaging.topology import BUCKETS, bucket, buckets_of


@given(st.integers(0, 256), st.integers(1, 300))
def test_the_shares_of_all_replicas_are_all_shards_and_differ_by_one_at_most(shards: int, replicas: int) -> None:
    shares = [
        Division(1, shards, superseded=False, replicas=replicas, rank=rank).fair_share for rank in range(replicas)
    ]
    assert sum(shares) == shards
    assert max(shares) - min(shares) <= 1 and shares == sorted(shares, reverse=True)


@given(st.integers(1, 256), st.text(min_size=1))
def test_every_bucket_belongs_to_one_shard(shards: int, subject: str) -> None:
    owned = [buckets_of(number, shards) for number in range(shards)]
    assert len({one for buckets in owned for one in buckets}) == sum(map(len, owned)) == BUCKETS
    assert sum(bucket(subject) in buckets for buckets in owned) == 1


class Leases:
    """One shard that nobody holds, and one replica that asks for it."""

    shard = Shard(generation=1, number=0, shards=1)

    def __init__(self) -> None:
        self.holder: UUID | None = None

    @asynccontextmanager
    async def transaction(self) -> Any:
        yield

    @asynccontextmanager
    async def connection(self) -> Any:
        yield self

    async def renew(self, _: Any, replica: UUID, _seconds: float) -> set[Shard]:
        return {self.shard} if self.holder == replica else set()

    async def find_division(self, *_: Any) -> Division:
        return Division(1, 1, superseded=False, replicas=1, rank=0)

    async def claim_free(self, _: Any, replica: UUID, *_how: Any) -> set[Shard]:
        free, self.holder = self.holder is None, self.holder or replica
        return {self.shard} if free else set()

    async def release(self, _: Any, replica: UUID, shards: Iterable[Shard]) -> None:
        if self.holder == replica and self.shard in shards:
            self.holder = None

    async def save_presence(self, *_: Any) -> None: ...

    async def delete_drained(self, *_: Any) -> None: ...


async def test_a_shard_that_another_had_taken_and_left_again_is_held_by_who_consumes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Leases()
    for name in ("renew", "find_division", "claim_free", "release", "save_presence", "delete_drained"):
        monkeypatch.setattr(leases, name, getattr(table, name))
    share = Share(name="a", database_url="", relay=cast(Any, None), consumer_of=cast(Any, None))
    monkeypatch.setattr(share, "_database", table)
    monkeypatch.setattr(share, "_id", me := new_id(), raising=False)
    ended = Serving(table.shard, cast(Any, _NeverDrained()))
    _, kept, _ = await share._divide([ended], leaving=False)
    assert kept == {table.shard}
    assert table.holder == me, "what is consumed here from now on is not free for another"


class _NeverDrained:
    found_empty_at = float("-inf")
