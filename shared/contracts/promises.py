"""What a released kind must keep: whoever could write or read it yesterday can do so today."""

from typing import Any


def broken_promises(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What a schema no longer keeps of an older one, each as a sentence; none where only optional fields came."""
    broken = _broken_data(_data(before), _data(after), "data")
    parts_after = after.get("$defs", {})
    for name, part in before.get("$defs", {}).items():
        if name in parts_after:
            broken += _broken_data(part, parts_after[name], name)
    return broken


def _data(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"]["data"]
    return found


def _broken_data(before: dict[str, Any], after: dict[str, Any], place: str) -> list[str]:
    fields_before, fields_after = before.get("properties", {}), after.get("properties", {})
    required_before, required_after = set(before.get("required", ())), set(after.get("required", ()))
    gone = [f"{place}: {name} is gone" for name in sorted(fields_before.keys() - fields_after.keys())]
    demanded = [f"{place}: {name} is required now" for name in sorted(required_after - required_before)]
    unsure = [
        f"{place}: {name} is no longer always there"
        for name in sorted((required_before - required_after) & fields_after.keys())
    ]
    other = [
        f"{place}: {name} is of another form"
        for name in sorted(fields_before.keys() & fields_after.keys())
        if _form(fields_before[name]) != _form(fields_after[name])
    ]
    return [*gone, *demanded, *unsure, *other]


def _form(field: dict[str, Any]) -> dict[str, Any]:
    """What of a field's schema others depend on; words and defaults may be improved."""
    return {name: part for name, part in field.items() if name not in {"description", "examples", "title", "default"}}
