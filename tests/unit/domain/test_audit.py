"""Does a chain show that something of it was changed?"""

from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest

from bursar.domain.audit import AuditLink, check_chain


def make_chain(length: int) -> list[AuditLink]:
    links, before = [], b""
    for position in range(1, length + 1):
        digest = sha256(str(position).encode()).digest()
        before = sha256(before + digest).digest()
        links.append(AuditLink(position=position, event_id=UUID(int=position), hash=before, digest=digest))
    return links


def test_untouched_chain_holds_and_tells_its_head() -> None:
    links = make_chain(5)
    found = check_chain(links, length=5, head=links[-1].hash)
    assert (found.length, found.head, found.broken_at) == (5, links[-1].hash.hex(), None)
    assert check_chain([], length=0, head=None).broken_at is None


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("kind", ["changed", "gone", "dropped", "exchanged"])
def test_whatever_was_done_to_a_link_is_found_where_it_was_done(at: int, kind: str) -> None:
    links = make_chain(5)
    head = links[-1].hash
    if kind == "dropped":
        del links[at - 1]
    elif kind == "exchanged":
        links[at - 1] = replace(links[at - 1], digest=links[at % 5].digest)
    else:
        links[at - 1] = replace(links[at - 1], digest=None if kind == "gone" else b"another")
    assert check_chain(links, length=5, head=head).broken_at == at


def test_event_that_was_slipped_in_is_found() -> None:
    links = make_chain(2)
    assert check_chain(links, length=2, head=links[-1].hash, unlinked_count=1).broken_at == 3
