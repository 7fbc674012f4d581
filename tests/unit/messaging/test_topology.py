"""The topology as a plan: what is published is heard, what is heard is published, and every bucket has its shard."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.handlers import HANDLERS as BILLING
from services.gateway.handlers import HANDLERS as GATEWAY
from services.notifier.handlers import HANDLERS as NOTIFIER
from services.offer_handler.handlers import HANDLERS as OFFER_HANDLER
from services.ticket_sync.handlers import HANDLERS as TICKET_SYNC
from shared.contracts.catalog import COMMANDS, name_of
from shared.contracts.values import Command, Event, OnBehalf
from shared.messaging import topology

ALL = {handlers.service: handlers for handlers in (OFFER_HANDLER, TICKET_SYNC, NOTIFIER, BILLING, GATEWAY)}
EVERY_SERVICE = pytest.mark.parametrize("service", topology.SERVICES)


@EVERY_SERVICE
def test_a_service_is_sent_every_event_it_has_a_route_for_and_no_other(service: str) -> None:
    routed = {topology.noun_verb(kind) for kind, model in ALL[service].models.items() if issubclass(model, Event)}
    assert routed == set(topology.SERVICES[service].events)


@EVERY_SERVICE
def test_a_service_is_sent_the_commands_it_has_a_route_for(service: str) -> None:
    nouns = {
        topology.noun_verb(kind).split(".")[0]
        for kind, model in ALL[service].models.items()
        if issubclass(model, Command)
    }
    assert nouns <= set(topology.SERVICES[service].commands)


def test_every_event_that_is_heard_is_published_by_somebody() -> None:
    heard = {event for interest in topology.SERVICES.values() for event in interest.events}
    assert heard <= {fact for interest in topology.SERVICES.values() for fact in interest.publishes}


def test_what_the_gateway_alone_may_say_is_what_can_be_said_on_behalf_of_others() -> None:
    on_behalf = {name_of(kind) for kind, model in COMMANDS.items() if issubclass(model, OnBehalf)}
    said = {service: set(interest.says) for service, interest in topology.SERVICES.items() if interest.says}
    assert said == {topology.GATEWAY: on_behalf}


def test_no_noun_belongs_to_two_services() -> None:
    nouns = [noun for interest in topology.SERVICES.values() for noun in interest.commands]
    assert len(nouns) == len(set(nouns))


@given(st.text(min_size=1, max_size=50))
def test_the_bucket_is_the_first_byte_of_the_subject_s_digest(subject: str) -> None:
    assert topology.bucket(subject) == f"{hashlib.sha256(subject.encode()).digest()[0]:02x}"


def test_all_that_a_service_is_sent_leads_to_its_only_shard() -> None:
    led = [one for one in topology.declarations(7, 1)["bindings"] if one["source"] == "ticket_sync.buckets.7"]
    assert [(one["routing_key"], one["destination"]) for one in led] == [("#", "ticket_sync.shard.7.0")]


@given(st.integers(2, 256))
def test_every_bucket_leads_to_one_shard_and_every_shard_has_buckets(shards: int) -> None:
    declared = topology.declarations(7, shards)
    led = [one for one in declared["bindings"] if one["source"] == "ticket_sync.buckets.7"]
    assert {one["routing_key"] for one in led} == {f"#.{number:02x}" for number in range(256)} and len(led) == 256
    queues = {queue["name"] for queue in declared["queues"] if queue["name"].startswith("ticket_sync.shard.")}
    assert {one["destination"] for one in led} == queues and len(queues) == shards
    assert {topology.generation_of(queue) for queue in queues} == {("ticket_sync", 7)}
