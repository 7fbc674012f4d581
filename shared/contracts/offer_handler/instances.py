"""Instances: the companies that take part."""

from typing import ClassVar, Literal

from shared.contracts.values import Email, Event, Language, ShortText, Slug, Value


class Instance(Value):
    """One company's installation; who has none of its own is reached by e-mail only (`portal`)."""

    slug: Slug
    name: ShortText
    language: Language
    email: Email
    kind: Literal["psa", "portal"] = "psa"


class InstanceJoined(Event):
    """A company without an installation takes part from now on; every service takes it into its list."""

    kind: ClassVar[str] = "tandem.instance.joined.v1"

    instance: Instance
