"""A partner's own store: what comes twice, late or from a crash takes effect once."""

from pathlib import Path
from typing import Any

import pytest

from demo.ticket_store import TicketStore

Row = dict[str, Any]
TICKET = {"number": "NL-1", "title": "Switch", "description": "", "customer": {"company": "Hotel Post"}}


def delivery(number: int, kind: str, **data: Any) -> Row:
    """A delivery about outsourcing o; later ones have higher numbers."""
    about = {"outsourcing_id": "o", "state": "in_progress", **data}
    return {"id": f"d{number}", "type": f"tandem.{kind}.v1", "subject": "o", "sequence": f"{number:020}", "data": about}


def copy_of(number: int, version: int, text: str, owner: str = "nordlicht") -> Row:
    return delivery(
        number,
        "entry.replicated",
        entry_id="e",
        owner=owner,
        version=version,
        visibility="shared",
        author="K. Sommer",
        happened_at="2026-03-02T09:30:00Z",
        body={"kind": "note", "text": text},
        added_during_approval=False,
    )


@pytest.fixture
def store(tmp_path: Path) -> TicketStore:
    return TicketStore(tmp_path / "alpenwerk.sqlite", "alpenwerk")


def test_a_delivery_that_comes_twice_counts_once(store: TicketStore) -> None:
    assert store.take(copy_of(1, 1, "a"))
    before = store.everything()
    assert not store.take(copy_of(1, 1, "a"))
    assert store.everything() == before


@pytest.mark.parametrize("kind", ["offer.received", "invoice.issued"])
def test_the_same_fact_under_two_ids_is_told_twice_and_seen_to_be(store: TicketStore, kind: str) -> None:
    invoice = {"number": "AW-1", "outsourcing_id": "o"}
    for number in (1, 2):
        store.take(delivery(number, kind, ticket=TICKET, invoice=invoice))
    assert store.everything()["told"] == [{"kind": f"tandem.{kind}.v1", "times": 2}]


def test_an_older_version_of_an_entry_changes_nothing(store: TicketStore) -> None:
    store.take(copy_of(1, 2, "new"))
    store.take(copy_of(2, 1, "old"))
    [entry] = store.everything()["entry"]
    assert (entry["version"], "new" in entry["body"]) == (2, True)


def test_an_older_version_does_not_bring_back_what_was_withdrawn(store: TicketStore) -> None:
    store.take(copy_of(1, 1, "a"))
    store.take(delivery(2, "entry.withdrawn", entry_id="e", owner="nordlicht", version=2))
    store.take(copy_of(3, 1, "a"))
    assert [entry["removed"] for entry in store.everything()["entry"]] == [1]


def test_entries_of_two_owners_may_have_the_same_id(store: TicketStore) -> None:
    store.write_entry("o", "e", "shared", "L. Gruber", {"kind": "note", "text": "mine"})
    store.take(copy_of(1, 9, "theirs"))
    store.take(delivery(2, "entry.withdrawn", entry_id="e", owner="nordlicht", version=10))
    assert [(e["owner"], e["version"], e["removed"]) for e in store.everything()["entry"]] == [
        ("alpenwerk", 1, 0),
        ("nordlicht", 10, 1),
    ]


def test_an_older_state_does_not_replace_a_newer_one(store: TicketStore) -> None:
    store.open_ticket("o", "ALP-1", "Switch", "")
    store.take(delivery(2, "completion.approved", state="completed"))
    store.take(delivery(1, "ticket.linked", partner_number="NL-1"))
    [ticket] = store.everything()["ticket"]
    assert (ticket["state"], ticket["partner_number"]) == ("completed", "NL-1")


def test_a_ticket_that_was_opened_is_told_of_by_one_and_the_same_command_until_it_is_sent(store: TicketStore) -> None:
    requested = delivery(1, "ticket.requested", ticket=TICKET)
    store.take(requested)
    [untold] = store.untold_tickets()
    assert untold["number"] == "ALP-501"
    store.take(requested)
    assert store.untold_tickets() == [untold]
    store.note_sent(untold["untold"], "tandem.ticket.opened.v1", "o")
    store.take(requested)
    assert store.untold_tickets() == []


def test_what_is_held_is_one_s_own_and_the_copies_that_still_follow(store: TicketStore) -> None:
    store.write_entry("o", "mine", "internal", "L. Gruber", {"kind": "note", "text": "a"})
    store.write_entry("o", "gone", "shared", "L. Gruber", {"kind": "note", "text": "b"})
    store.write_entry("o", "gone", "shared", "L. Gruber", None)
    store.take(copy_of(1, 3, "c"))
    assert store.held("o") == ({"mine": 1}, {"e": 3})
    store.take(delivery(2, "entry.severed", entry_id="e", owner="nordlicht", version=3))
    assert (store.held("o"), store.severed("o")) == (({"mine": 1}, {}), ["e"])


def test_which_copies_are_severed_is_known_whoever_wrote_the_entry_and_whatever_becomes_of_it(
    store: TicketStore,
) -> None:
    store.write_entry("o", "mine", "shared", "L. Gruber", {"kind": "note", "text": "a"})
    for number, (id, owner) in enumerate([("mine", "alpenwerk"), ("e", "nordlicht"), ("mine", "alpenwerk")], 1):
        store.take(delivery(number, "entry.severed", entry_id=id, owner=owner, version=1))
    store.write_entry("o", "mine", "shared", "L. Gruber", {"kind": "note", "text": "b"})
    assert store.severed("o") == ["e", "mine"]
    store.fall_back("o")
    assert store.severed("o") == []


def test_who_has_lost_its_copies_takes_them_again(store: TicketStore) -> None:
    store.write_entry("o", "mine", "shared", "L. Gruber", {"kind": "note", "text": "a"})
    store.take(copy_of(1, 3, "c"))
    before = store.everything()["entry"]
    store.fall_back("o")
    assert store.held("o") == ({"mine": 1}, {})
    store.take(copy_of(2, 3, "c"))
    assert store.everything()["entry"] == before


def test_who_was_restored_puts_what_is_older_than_in_tandem_again_above_that(store: TicketStore) -> None:
    for _ in range(2):
        store.write_entry("o", "mine", "shared", "L. Gruber", {"kind": "note", "text": "a"})
    assert [store.overtake("o", "mine", known) for known in (7, 8, 1)] == [True, False, False]
    assert store.held("o")[0] == {"mine": 8}


def test_who_was_restored_has_removed_what_it_had_removed_unless_it_was_written_since(store: TicketStore) -> None:
    store.write_entry("o", "mine", "shared", "L. Gruber", {"kind": "note", "text": "a"})
    store.write_entry("o", "mine", "shared", "L. Gruber", None)
    store.fall_back("o")
    assert store.held("o")[0] == {"mine": 1}
    store.remove_again("o", "mine", 2)
    assert store.held("o")[0] == {}
    store.write_entry("o", "mine", "shared", "L. Gruber", {"kind": "note", "text": "b"})
    store.remove_again("o", "mine", 2)
    assert store.held("o")[0] == {"mine": 3}
