"""What is an endpoint made of?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bursar.providers.plaid.sandbox.desk import Desk
from bursar.providers.plaid.sandbox.shapes import Flag, Listing, Member, Shape, Text, Whole

Handler = Callable[[Desk, str, dict[str, Any]], dict[str, object]]

ACCESS_TOKEN = Text(required=True)
ACCOUNT_IDS = Listing(Text())
COUNTRY_CODES = Listing(
    Text(choices=frozenset("US GB ES NL FR IE CA DE IT PL DK NO SE EE LT LV PT BE AT FI".split())), required=True
)
CATEGORY_VERSION = Text(choices=frozenset({"v1", "v2"}))
PAGE_COUNT = Whole(1, 500)
PAGE_OFFSET = Whole(0, 10**9)
DAYS_REQUESTED = Whole(1, 730)
FLAG = Flag()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The members it takes (credentials apart) and what it does with them."""

    shape: Shape
    handler: Handler


def endpoint(handler: Handler, **members: Member) -> Endpoint:
    """An endpoint with these members."""
    return Endpoint(Shape(members), handler)


def account_endpoint(handler: Handler, **options: Member) -> Endpoint:
    """An endpoint with an access token and `options.account_ids`, perhaps with more options."""
    return endpoint(handler, access_token=ACCESS_TOKEN, options=Shape({"account_ids": ACCOUNT_IDS, **options}))
