"""For whom was an item linked?

Plaid does not say which link token a public token came from. What it does keep of the link is the address that the
item's webhooks go to: it carries a mark of the user, and the item that came of the link has it. A public token that was
taken from somebody else is then of an item with that person's mark. Where no webhooks are asked for, there is no mark.
"""

from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from bursar.ports.links import mark_of
from bursar.ports.provider import ConnectRequest
from bursar.providers.plaid.sdk.models.items import Item

MEMBER = "link"
"""The name of the mark in the query of the address."""


def address_of(request: ConnectRequest) -> str | None:
    """Return where the webhooks of a new item go, with the mark of the user for whom it is linked."""
    if request.webhook_url is None:
        return None
    parts = urlsplit(request.webhook_url)
    member = urlencode({MEMBER: mark_of(request.user_reference)})
    return urlunsplit(parts._replace(query=f"{parts.query}&{member}" if parts.query else member))


def is_of_another_user(item: Item | None, user_reference: str) -> bool:
    """True when a new item has a mark, and it is not of this user; False also where nothing says whose it is."""
    if item is None or not item.webhook or not user_reference:
        return False
    marks = parse_qs(urlsplit(item.webhook).query).get(MEMBER, [])
    return bool(marks) and marks[-1] != mark_of(user_reference)
