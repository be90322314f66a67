"""What was money spent on, in one vocabulary for every provider?

Providers have vocabularies of their own, which overlap without agreeing. A word is looked up whole, then by its
beginning (`FOOD_AND_DRINK_GROCERIES` begins with `FOOD_AND_DRINK`); what nobody knows has no category and keeps the
provider's word.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "income": "Income",
        "transfer_in": "Transfer In",
        "transfer_out": "Transfer Out",
        "loan_disbursements": "Loan Disbursements",
        "loan_payments": "Loan Payments",
        "bank_fees": "Bank Fees",
        "entertainment": "Entertainment",
        "food_and_drink": "Food & Drink",
        "general_merchandise": "Shopping",
        "home_improvement": "Home",
        "medical": "Health",
        "personal_care": "Personal Care",
        "general_services": "Services",
        "education": "Education",
        "government_and_non_profit": "Government & Non-Profit",
        "taxes": "Taxes",
        "transportation": "Transportation",
        "travel": "Travel",
        "rent_and_utilities": "Rent & Utilities",
        "insurance": "Insurance",
        "investments": "Investments",
        "other": "Other",
    }
)
"""Key -> the name that it is shown as."""

# Other words that providers use for a whole category, or for a part of one.
_WORDS: Mapping[str, str] = {
    "income": "paycheck salary wages interest_income bonus dividend dividends rental_income returned_purchase",
    "loan_payments": "loan loans mortgage mortgage_payment auto_payment student_loan credit_card_payment loan_payment",
    "bank_fees": "fee fees fees_and_charges atm_fee bank_fee finance_charge late_fee service_fee trade_commissions",
    "entertainment": "amusement arts movies_and_dvds music newspapers_and_magazines sport sports hobbies television",
    "food_and_drink": "food_and_dining dining restaurants restaurant bar bars groceries coffee_shops fast_food "
    "alcohol_and_bars food",
    "general_merchandise": "shopping clothing electronics electronics_and_software books software general pets kids "
    "sporting_goods gifts gift office_supplies",
    "home_improvement": "home furnishings home_services home_supplies lawn_and_garden",
    "medical": "health health_and_fitness doctor dentist pharmacy eyecare gym veterinary",
    "personal_care": "hair spa_and_massage laundry cosmetics",
    "general_services": "service services business_services advertising legal printing shipping office childcare",
    "education": "tuition books_and_supplies",
    "government_and_non_profit": "charity gifts_and_donations donations",
    "taxes": "tax federal_tax state_tax local_tax property_tax sales_tax",
    "transportation": "transport auto_and_transport fuel gas gas_and_fuel parking public_transportation taxi rideshare "
    "service_and_parts auto",
    "travel": "accommodation hotel air_travel rental_car_and_taxi vacation",
    "rent_and_utilities": "bills_and_utilities utilities utility phone mobile_phone internet rent mortgage_and_rent",
    "insurance": "auto_insurance health_insurance home_insurance life_insurance",
    "investments": "investment buy sell deposit_to_investment",
    "other": "uncategorized misc",
}
_KEY_OF_WORD = {word: key for key, words in _WORDS.items() for word in words.split()} | {key: key for key in CATEGORIES}
_KEY_OF_NAME = {re.sub(r"[^a-z0-9]+", "_", name.lower().replace("&", "and")): key for key, name in CATEGORIES.items()}
_LONGEST_FIRST = sorted(CATEGORIES, key=len, reverse=True)


def normalise(word: str) -> str:
    """Return a word as keys are written: `Food & Drink` is `food_and_drink`; a version (`@v2`) is dropped."""
    return re.sub(r"[^a-z0-9]+", "_", word.partition("@")[0].lower().replace("&", "and")).strip("_")


def find_category(word: str | None, amount: Decimal = Decimal(0)) -> str | None:
    """Return the key for a provider's word, or None; a bare `transfer` goes where the amount's sign says."""
    if not word:
        return None
    plain = normalise(word)
    if plain == "transfer":
        return "transfer_out" if amount < 0 else "transfer_in"
    found = _KEY_OF_WORD.get(plain) or _KEY_OF_NAME.get(plain)
    return found or next((key for key in _LONGEST_FIRST if plain.startswith(f"{key}_")), None)


def category_path(word: str | None, amount: Decimal = Decimal(0)) -> tuple[str, ...]:
    """Return the shown names from coarse to fine, such as (`Food & Drink`, `Groceries`); empty for an unknown word."""
    key = find_category(word, amount)
    if key is None or word is None:
        return ()
    rest = normalise(word).removeprefix(key).strip("_")
    fine = rest.replace("_and_", " & ").replace("_", " ").title()
    same = not fine or _KEY_OF_NAME.get(rest) == key or rest in {"transfer", "other"}
    return (CATEGORIES[key],) if same else (CATEGORIES[key], fine)


def is_category(asked: str, path: tuple[str, ...]) -> bool:
    """True when a key, a shown name or a finer word, in any case, is one of a row's categories."""
    wanted = normalise(asked)
    names = {normalise(name) for name in path}
    return wanted in names or wanted in {_KEY_OF_NAME[name] for name in names if name in _KEY_OF_NAME}
