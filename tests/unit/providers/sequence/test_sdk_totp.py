"""Are the codes of the second factor those of RFC 6238, whatever form the secret comes in?"""

import pytest

from bursar.providers.sequence import ConfigurationError
from bursar.providers.sequence.sdk.auth.totp import SecondFactor

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
CODES = [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")]


@pytest.mark.parametrize(("now", "code"), CODES)
@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET.lower(),
        "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
        "gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq",
        f"otpauth://totp/Sequence:jordan?secret={SECRET}&issuer=Sequence",
        f"otpauth://totp/x?secret={SECRET}&digits=6&period=30&algorithm=sha1",
    ],
)
def test_codes_are_those_of_the_rfc(text, now, code):
    assert SecondFactor.parse(text).code(now) == code


@pytest.mark.parametrize(
    ("algorithm", "secret", "now", "code"),
    [
        ("SHA1", SECRET, 59, "94287082"),
        ("SHA256", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA====", 59, "46119246"),
        ("SHA512", "GEZDGNBVGY3TQOJQ" * 6 + "GEZDGNA=", 1111111109, "25091201"),
    ],
)
def test_address_chooses_digits_and_algorithm(algorithm, secret, now, code):
    uri = f"otpauth://totp/x?secret={secret.rstrip('=')}&digits=8&algorithm={algorithm}"
    assert SecondFactor.parse(uri).code(now) == code


def test_period_of_the_address_counts():
    factor = SecondFactor.parse(f"otpauth://totp/x?secret={SECRET}&period=60")
    assert factor.code(118) == "287082"


@pytest.mark.parametrize("secret", ["GEZDGNBVGY3TQOJQ", "GEZDGNBVGY3TQ", "MFRGGZDF"])
def test_short_secrets_are_taken(secret):
    assert len(SecondFactor.parse(secret).code(59)) == 6


def test_secret_of_eighty_bits_gives_its_code():
    assert SecondFactor.parse("GEZDGNBVGY3TQOJQ").code(59) == "263420"


@pytest.mark.parametrize(("text", "typed"), [("123456", "123456"), ("123 456", "123456"), ("12345678", "12345678")])
def test_code_is_typed_as_it_is(text, typed):
    factor = SecondFactor.parse(text)
    assert factor.code(0) == typed
    assert factor.wait_s(29.9) == 0


@pytest.mark.parametrize(("now", "wait_s"), [(0.0, 0.0), (25.0, 0.0), (25.5, 4.5), (29.0, 1.0), (30.0, 0.0)])
def test_code_that_is_about_to_end_is_not_used(now, wait_s):
    assert SecondFactor.parse(SECRET).wait_s(now) == wait_s


@pytest.mark.parametrize(
    "text",
    [
        "canary!",
        "12345",
        "otpauth://totp/canary",
        "otpauth://totp/x?secret=canary1890",
        f"otpauth://totp/x?secret={SECRET}&digits=40",
        f"otpauth://totp/x?secret={SECRET}&digits=six",
        f"otpauth://totp/x?secret={SECRET}&algorithm=MD5",
        f"otpauth://totp/x?secret={SECRET}&period=0",
        "",
        "=",
    ],
)
def test_what_is_no_second_factor_names_the_setting_and_not_its_value(text):
    with pytest.raises(ConfigurationError, match="SEQUENCE_TOTP") as caught:
        SecondFactor.parse(text)
    assert "canary" not in str(caught.value)


def test_second_factor_does_not_show_itself():
    factor = SecondFactor.parse(SECRET)
    assert "12345678901234567890" not in repr(factor)
    assert "123456" not in repr(SecondFactor.parse("123456"))
