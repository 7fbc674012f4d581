"""How shards are divided: all of them, among all who are there, as evenly as can be."""

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.leases import Division
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
