"""Links in e-mails by which a person answers: signed, for one purpose, one recipient and a limited time.

Whoever has the link may press its button. It says nothing that its reader does not know, and is kept out of every log.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

Purpose = Literal["offer.accept", "offer.decline", "partnership.accept", "partnership.decline"]

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
# Where the gateway shows the page of a link.
PATH = "/answer/"
# As many as the hash that signs has: a shorter key would be the weaker part of the two.
SHORTEST_KEY_BYTES = 32
# The longest address, slug, language and time zone there are make a token of about 600.
LONGEST_TOKEN = 1000


@dataclass(frozen=True, slots=True)
class Link:
    """Who may answer what: `id` names the outsourcing or the partnership, `instance` for whom the answer counts.

    `address` is where the link was sent; `language` and `time_zone` are those of who reads there.
    """

    purpose: Purpose
    id: UUID
    instance: str
    address: str
    language: str
    time_zone: str
    until: datetime


class Keys:
    """The keys that sign links: the first signs, the others are still known, so that a key can be changed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._newest_last = list(reversed(keys))

    @classmethod
    def of(cls, text: str) -> "Keys":
        """Keys separated by commas. Raises ValueError where there is none, or one that could be guessed."""
        keys = [key.strip() for key in text.split(",")]
        if any(len(key.encode()) < SHORTEST_KEY_BYTES for key in keys):
            raise ValueError(f"every key must have {SHORTEST_KEY_BYTES} bytes at least")
        return cls(keys)

    def token_of(self, link: Link) -> str:
        """What stands in the address of the link's page."""
        return _token(link, self._newest_last)

    def link_of(self, token: str) -> Link | None:
        """The link that was signed with one of these keys; None for everything else."""
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            link = _link(_serializer(self._newest_last).loads(token))
        except (BadData, ValueError, TypeError, OverflowError):
            return None
        # The last character of a signature has bits that nobody reads: with other ones it is not what we wrote.
        ours = any(_token(link, [key]) == token for key in self._newest_last)
        return link if ours else None


def _token(link: Link, keys: list[str]) -> str:
    until = math.ceil(link.until.timestamp())
    told = [link.purpose, link.id.hex, link.instance, link.address, link.language, link.time_zone, until]
    return str(_serializer(keys).dumps(told))


def _link(told: list[str | int]) -> Link:
    purpose, id, instance, address, language, time_zone, until = told
    [known] = (one for one in PURPOSES if one == purpose)
    moment = datetime.fromtimestamp(int(until), UTC)
    return Link(known, UUID(hex=str(id)), str(instance), str(address), str(language), str(time_zone), moment)


def _serializer(keys: list[str]) -> URLSafeSerializer:
    signer = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(keys, salt="tandem.link", signer_kwargs=signer)
