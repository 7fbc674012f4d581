"""The broker's topology: every exchange, queue, binding and policy by name, and the keys that lead to them."""

import hashlib
from dataclasses import dataclass
from typing import Any

COMMANDS = "tandem.commands"
EVENTS = "tandem.events"
DELIVERIES = "tandem.deliveries"
DEAD = "tandem.dead"
UNROUTED = "tandem.unrouted"

BUCKETS = 256

# A backstop: every lost connection counts for all that was prefetched, and a worker parks suspects long before.
DELIVERY_LIMIT = 1000
# A worker that is down for a night must not make instances lose commands; a full queue refuses them openly.
SHARD_MAX_LENGTH = 1_000_000
INSTANCE_MAX_LENGTH = 100_000
INSTANCE_MAX_BYTES = 1024**3
DEAD_MAX_LENGTH = 100_000

QUORUM = {"x-queue-type": "quorum"}
# One replica at a time consumes a shard, so that the order within a subject holds.
SHARD = QUORUM | {"x-single-active-consumer": True}


@dataclass(frozen=True, slots=True)
class Interest:
    """What a service is sent: commands by their noun and events by noun and verb; and the events it may publish.

    `says` are the commands that it may give on behalf of an instance.
    """

    commands: tuple[str, ...]
    events: tuple[str, ...]
    publishes: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


SERVICES = {
    "offer_handler": Interest(
        commands=("agreement", "partnership", "offer"),
        events=("outsourcing.completed", "outsourcing.handed-back", "deadline.passed", "invitation.ran-out"),
        publishes=(
            "outsourcing.offered",
            "outsourcing.accepted",
            "outsourcing.declined",
            "outsourcing.cancelled",
            "outsourcing.expired",
            "outsourcing.reminded",
            "outsourcing.abandoned",
            "deadline.passed",
            "invitation.sent",
            "invitation.accepted",
            "invitation.declined",
            "invitation.revoked",
            "invitation.lapsed",
            "invitation.ran-out",
            "instance.joined",
            "organization.mapped",
        ),
    ),
    "ticket_sync": Interest(
        commands=("ticket", "entry", "question", "completion", "outsourcing", "sync"),
        events=(
            "outsourcing.accepted",
            "outsourcing.abandoned",
            "ticket.overdue",
            "sync.fell-due",
            "repair.ordered",
            "repair.unfinished",
            "line.unfinished",
            "instance.joined",
            "file.uploaded",
            "news.fell-due",
        ),
        publishes=(
            "outsourcing.submitted",
            "outsourcing.rejected",
            "outsourcing.withdrawn",
            "outsourcing.handed-back",
            "outsourcing.unopened",
            "outsourcing.cap-reached",
            "outsourcing.asked",
            "outsourcing.answered",
            "ticket.overdue",
            "sync.fell-due",
            "repair.ordered",
            "repair.unfinished",
            "line.unfinished",
            "outsourcing.completed",
            "file.cited",
            "file.released",
            "file.lapsed",
            "news.came-up",
            "news.gathered",
        ),
    ),
    "notifier": Interest(
        commands=("notification-settings",),
        events=(
            "invitation.sent",
            "invitation.accepted",
            "invitation.declined",
            "invitation.revoked",
            "invitation.lapsed",
            "outsourcing.offered",
            "outsourcing.reminded",
            "outsourcing.accepted",
            "outsourcing.declined",
            "outsourcing.cancelled",
            "outsourcing.expired",
            "outsourcing.unopened",
            "outsourcing.asked",
            "outsourcing.answered",
            "outsourcing.cap-reached",
            "outsourcing.submitted",
            "outsourcing.withdrawn",
            "outsourcing.rejected",
            "outsourcing.completed",
            "outsourcing.handed-back",
            "news.came-up",
            "news.gathered",
            "invoice.written",
            "invoice.rendered",
            "instance.joined",
        ),
        publishes=("news.fell-due",),
    ),
    "billing": Interest(
        commands=("item", "invoice", "billing-settings"),
        events=(
            "outsourcing.completed",
            "outsourcing.handed-back",
            "organization.mapped",
            "invoice.written",
            "period.ended",
            "collection.unfinished",
            "instance.joined",
        ),
        publishes=("invoice.written", "invoice.rendered", "period.ended", "collection.unfinished"),
    ),
    "gateway": Interest(
        commands=(),
        events=(
            "file.cited",
            "file.released",
            "file.lapsed",
            "invoice.rendered",
            "instance.joined",
            # What a button answers, until it is answered.
            "outsourcing.offered",
            "outsourcing.accepted",
            "outsourcing.declined",
            "outsourcing.cancelled",
            "outsourcing.expired",
            "invitation.sent",
            "invitation.accepted",
            "invitation.declined",
            "invitation.revoked",
            "invitation.lapsed",
        ),
        publishes=("file.uploaded",),
        # What a button in an e-mail can say.
        says=("offer.accept", "offer.decline", "partnership.accept", "partnership.decline"),
    ),
}
# The one service whose word can count as that of an instance.
GATEWAY = "gateway"

# Facts that no service asks for yet: they have no recipient, and are not published.
UNHEARD = frozenset(fact for interest in SERVICES.values() for fact in interest.publishes) - frozenset(
    event for interest in SERVICES.values() for event in interest.events
)


def bucket(subject: str) -> str:
    """The first byte of SHA-256(subject) in two hex digits: messages of one subject share it."""
    return hashlib.sha256(subject.encode()).hexdigest()[:2]


def noun_verb(kind: str) -> str:
    """`offer.send` of `tandem.offer.send.v1`."""
    return ".".join(kind.split(".")[1:3])


def command_key(slug: str, kind: str, subject: str) -> str:
    """The routing key of a command."""
    return f"{slug}.{noun_verb(kind)}.{bucket(subject)}"


def event_key(kind: str, subject: str) -> str:
    """The routing key of a fact between services."""
    return f"{noun_verb(kind)}.{bucket(subject)}"


def inbound_exchange(service: str) -> str:
    return f"{service}.in"


def buckets_exchange(service: str, generation: int) -> str:
    """Spreads the buckets over the shards of one generation."""
    return f"{service}.buckets.{generation}"


def odd_exchange(service: str, generation: int) -> str:
    """Where commands with a bucket that is none come out: a fanout, so that their sender can be answered."""
    return f"{service}.odd.{generation}"


def shard_queue(service: str, generation: int, shard: int) -> str:
    return f"{service}.shard.{generation}.{shard}"


def generation_of(queue: str) -> tuple[str, int] | None:
    """The service and the generation that a shard queue belongs to; None of any other queue."""
    match queue.split("."):
        case [service, "shard", generation, _] if generation.isdigit():
            return service, int(generation)
    return None


def buckets_of(number: int, shards: int) -> list[str]:
    """The buckets that lead to one of so many shards."""
    return [f"{bucket:02x}" for bucket in range(number, BUCKETS, shards)]


def keys_to(number: int, shards: int) -> list[str]:
    """The keys that lead to one of so many shards; to the only one everything does, which is one binding for 256."""
    return ["#"] if shards == 1 else [f"#.{bucket}" for bucket in buckets_of(number, shards)]


def dead_queue(service: str) -> str:
    return f"{service}.dead"


def instance_queue(slug: str, secret: str) -> str:
    """The secret is 128 random bits: the broker tells anybody who knows a queue's name that it is there."""
    return f"instance.{slug}.{secret}"


def worker_user(service: str) -> str:
    """With a dot, which no slug has: no instance can be taken for a worker."""
    return f"tandem.{service}"


def declarations(
    generation: int, shards: int, interests: dict[str, Interest] = SERVICES
) -> dict[str, list[dict[str, Any]]]:
    """All that must be there, as RabbitMQ's management API imports definitions of one virtual host.

    A generation that is new gets nothing before `switch_to` leads everything there.
    """
    exchanges = [
        _exchange(COMMANDS, "topic", {"alternate-exchange": UNROUTED}),
        _exchange(EVENTS, "topic"),
        _exchange(DELIVERIES, "direct"),
        _exchange(DEAD, "topic"),
        _exchange(UNROUTED, "fanout"),
    ]
    queues = []
    # Commands whose noun no service knows are answered by the one that every instance meets first.
    bindings = [_binding(UNROUTED, inbound_exchange(next(iter(interests))), "", to="exchange")]
    policies = [
        _policy(
            "instances", "^instance\\.", {"max-length": INSTANCE_MAX_LENGTH, "max-length-bytes": INSTANCE_MAX_BYTES}
        ),
    ]
    for service, interest in interests.items():
        inbound, spread, odd = (
            inbound_exchange(service),
            buckets_exchange(service, generation),
            odd_exchange(service, generation),
        )
        exchanges += [
            _exchange(inbound, "topic"),
            _exchange(spread, "topic", {"alternate-exchange": odd}),
            _exchange(odd, "fanout"),
        ]
        shard_queues = [shard_queue(service, generation, number) for number in range(shards)]
        queues += [_queue(name, SHARD) for name in shard_queues]
        queues.append(_queue(dead_queue(service), QUORUM))
        bindings += [_binding(COMMANDS, inbound, f"*.{noun}.*.*", to="exchange") for noun in interest.commands]
        bindings += [_binding(EVENTS, inbound, f"{event}.*", to="exchange") for event in interest.events]
        bindings += [
            _binding(spread, name, key) for number, name in enumerate(shard_queues) for key in keys_to(number, shards)
        ]
        bindings.append(_binding(odd, shard_queues[0], ""))
        bindings.append(_binding(DEAD, dead_queue(service), service))
        policies += [
            _policy(
                f"{service}.shards",
                f"^{service}\\.shard\\.",
                {
                    "delivery-limit": DELIVERY_LIMIT,
                    "dead-letter-exchange": DEAD,
                    "dead-letter-routing-key": service,
                    "dead-letter-strategy": "at-least-once",
                    "max-length": SHARD_MAX_LENGTH,
                },
            ),
            _policy(f"{service}.dead", f"^{service}\\.dead$", {"max-length": DEAD_MAX_LENGTH}),
        ]
    return {"exchanges": exchanges, "queues": queues, "bindings": bindings, "policies": policies}


def switch_to(generation: int, interests: dict[str, Interest] = SERVICES) -> dict[str, list[dict[str, Any]]]:
    """Lead all that a service is sent to this generation and no longer to another.

    A service's inbound exchange has no bindings: where everything goes is one word in a policy, so that no message
    goes to two generations, or to none.
    """
    return {
        "policies": [
            _policy(
                f"{service}.in",
                f"^{service}\\.in$",
                {"alternate-exchange": buckets_exchange(service, generation)},
                apply_to="exchanges",
            )
            for service in interests
        ]
    }


def declaration_of_instance(slug: str, queue_name: str) -> dict[str, list[dict[str, Any]]]:
    """The queue of one instance, bound to what is delivered to it."""
    return {"queues": [_queue(queue_name, QUORUM)], "bindings": [_binding(DELIVERIES, queue_name, slug)]}


def _exchange(name: str, type: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "type": type,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": arguments or {},
    }


def _queue(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "durable": True, "auto_delete": False, "arguments": arguments}


def _binding(source: str, destination: str, key: str, *, to: str = "queue") -> dict[str, Any]:
    return {
        "source": source,
        "destination": destination,
        "destination_type": to,
        "routing_key": key,
        "arguments": {},
    }


def _policy(name: str, pattern: str, definition: dict[str, Any], *, apply_to: str = "queues") -> dict[str, Any]:
    """Every queue refuses what it has no room for: nothing is dropped to make room."""
    return {
        "name": f"tandem.{name}",
        "pattern": pattern,
        "apply-to": apply_to,
        "priority": 10,
        "definition": definition | ({"overflow": "reject-publish"} if apply_to == "queues" else {}),
    }
