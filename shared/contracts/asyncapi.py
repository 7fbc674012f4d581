"""The wire as an AsyncAPI 3.0 document, from Tandem's point of view: it receives commands and sends deliveries."""

from typing import Any

from shared.contracts.catalog import COMMANDS, DELIVERIES, DIRECTIONS, name_of
from shared.contracts.envelope import CONTENT_TYPE
from shared.contracts.schemas import example
from shared.contracts.values import Command, Delivery

# The version of this description; every kind carries its own.
VERSION = "1.0.0"

_SLUG = "the slug of the instance, which is also its user at the broker"
_PARAMETERS = {
    "slug": {"description": _SLUG, "examples": ["nordlicht"]},
    "noun": {"description": "the second word of the type", "examples": ["offer"]},
    "verb": {"description": "the third word of the type", "examples": ["send"]},
    "bb": {"description": "the first byte of SHA-256(subject) in two hex digits", "examples": ["7f"]},
}


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tandem",
            "version": VERSION,
            "description": "Ticket systems that work on one ticket together: offers, replication, completion and"
            " invoices as messages. README.md in this folder says how to speak it.",
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"broker": _server()},
        "channels": {"commands": _commands(), "deliveries": _deliveries()},
        "operations": {
            **{name_of(kind): _operation("receive", "commands", model) for kind, model in COMMANDS.items()},
            **{name_of(kind): _operation("send", "deliveries", model) for kind, model in DELIVERIES.items()},
        },
        "components": {
            "messages": {name_of(kind): _message(model) for kind, model in (COMMANDS | DELIVERIES).items()},
            "securitySchemes": {"user": {"type": "userPassword", "description": "told when the instance is added"}},
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{host}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ; amqps where it is reached over a network that others share",
        "variables": {"host": {"description": "told with the credentials", "examples": ["broker.example:5672"]}},
        "security": [{"$ref": "#/components/securitySchemes/user"}],
    }


def _commands() -> dict[str, Any]:
    return {
        "address": "{slug}.{noun}.{verb}.{bb}",
        "title": "What instances ask for",
        "messages": _references(COMMANDS),
        "parameters": _PARAMETERS,
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": "tandem.commands", "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _deliveries() -> dict[str, Any]:
    queue = "instance.{slug}.{secret}"
    secret = {"description": "128 random bits, told with the credentials: nobody else can name the queue"}
    return {
        "address": queue,
        "title": "What Tandem tells an instance",
        "messages": _references(DELIVERIES),
        "parameters": {"slug": {"description": _SLUG}, "secret": secret},
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {"name": queue, "durable": True, "exclusive": False, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _references(models: dict[str, Any]) -> dict[str, Any]:
    return {name_of(kind): {"$ref": f"#/components/messages/{name_of(kind)}"} for kind in models}


def _operation(action: str, channel: str, model: type[Command] | type[Delivery]) -> dict[str, Any]:
    name = name_of(model.kind)
    word = "sent by" if action == "receive" else "told to"
    sides = {"lead": "the lead", "service": "the service partner", "either": "either side", "both": "both sides"}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": model.kind,
        "summary": f"{word} {sides[DIRECTIONS[model.kind].side]}",
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
    }


def _message(model: type[Command] | type[Delivery]) -> dict[str, Any]:
    return {
        "name": model.kind,
        "title": name_of(model.kind),
        "summary": model.__doc__,
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./schemas/{model.kind}.json"},
        },
        "bindings": {"amqp": {"contentEncoding": "UTF-8", "messageType": model.kind, "bindingVersion": "0.3.0"}},
        "examples": [{"name": name_of(model.kind).replace(".", "-"), "payload": example(model)}],
    }
