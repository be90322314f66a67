"""One vocabulary for what money was spent on, whatever the provider calls it."""

from decimal import Decimal

import pytest

from bursar.banking.categories import CATEGORIES, category_path, find_category, is_category


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("FOOD_AND_DRINK_GROCERIES@v2", ("Food & Drink", "Groceries")),
        ("FOOD_AND_DRINK_RESTAURANT", ("Food & Drink", "Restaurant")),
        ("FOOD_AND_DRINK", ("Food & Drink",)),
        ("dining", ("Food & Drink", "Dining")),
        ("Food & Dining", ("Food & Drink", "Food & Dining")),
        ("Restaurants", ("Food & Drink", "Restaurants")),
        ("GENERAL_MERCHANDISE_SUPERSTORES@v2", ("Shopping", "Superstores")),
        ("shopping", ("Shopping",)),
        ("Auto & Transport", ("Transportation", "Auto & Transport")),
        ("fuel", ("Transportation", "Fuel")),
        ("Paycheck", ("Income", "Paycheck")),
        ("utilities", ("Rent & Utilities", "Utilities")),
        ("Uncategorized", ("Other", "Uncategorized")),
        ("QUANTUM_TUNNELLING", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_words_of_providers_find_their_category(word, path) -> None:
    assert category_path(word) == path


def test_bare_transfer_goes_where_the_sign_says() -> None:
    assert find_category("Transfer", Decimal(-5)) == "transfer_out"
    assert find_category("Transfer", Decimal(5)) == "transfer_in"


@pytest.mark.parametrize("asked", ["Food & Drink", "food & drink", "FOOD_AND_DRINK", "food and drink", "groceries"])
def test_key_name_and_finer_word_match_in_any_case(asked) -> None:
    assert is_category(asked, ("Food & Drink", "Groceries"))


def test_other_and_unknown_words_do_not_match() -> None:
    assert not is_category("Food", ("Food & Drink", "Groceries"))
    assert not is_category("Travel", ("Food & Drink",))
    assert not is_category("no such thing", ())


@pytest.mark.parametrize("key", CATEGORIES)
def test_every_key_and_every_name_is_found(key) -> None:
    assert find_category(key) == key
    assert find_category(CATEGORIES[key]) == key
    assert is_category(key, (CATEGORIES[key],))
