"""Does the table of currencies agree with ISO 4217?"""

import re

import pytest

from bursar.domain.currencies import MINOR_UNITS

WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND".split()


def test_every_code_is_three_capital_letters_with_a_plausible_number_of_decimals() -> None:
    for code, places in MINOR_UNITS.items():
        assert re.fullmatch("[A-Z]{3}", code)
        assert places in {0, 2, 3, 4}, code


@pytest.mark.parametrize(
    "code", "USD EUR GBP CHF CAD AUD CNY INR BRL MXN SEK NOK DKK PLN ZAR SGD HKD VED XCG ZWG".split()
)
def test_common_and_recent_currencies_have_two_decimals(code: str) -> None:
    assert MINOR_UNITS[code] == 2


@pytest.mark.parametrize(
    ("codes", "places"),
    [(WITHOUT_DECIMALS, 0), (THREE_DECIMALS, 3), (["CLF", "UYW"], 4)],
    ids=["none", "three", "four"],
)
def test_exceptions_have_their_own_decimals(codes: list[str], places: int) -> None:
    assert {code: MINOR_UNITS[code] for code in codes} == dict.fromkeys(codes, places)


def test_no_other_currency_in_use_has_three_or_four_decimals() -> None:
    assert sorted(code for code, places in MINOR_UNITS.items() if places > 2) == sorted([*THREE_DECIMALS, "CLF", "UYW"])


@pytest.mark.parametrize("code", ["DEM", "HRK", "BGN", "VEF", "ITL", "ZWL"])
def test_withdrawn_currencies_of_old_statements_are_known(code: str) -> None:
    assert code in MINOR_UNITS
