"""What does Teller Connect do in the browser, and how is its result signed?"""

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, Literal, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bursar.providers.teller.sandbox.desk import Desk, Enrollment
from bursar.sandbox.faces import RefusedActionError

ENVIRONMENTS = ("sandbox", "development", "production")
SignedForm = Literal["digest", "text"]


class ConnectDesk:
    """Plays the widget: takes the options of its setup, lets a person sign in, and signs what came of it.

    Keys are published: they protect invented people only.
    """

    def __init__(self, desk: Desk, application_id: str, signing_seed: bytes, signed_form: SignedForm) -> None:
        self._desk = desk
        self._application_id = application_id
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(signing_seed).digest())
        self._signed_form = signed_form

    @property
    def public_key(self) -> str:
        """The public half of the token signing key, as the dashboard shows it."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def finish(self, setup_text: str, arguments: Mapping[str, str]) -> dict[str, str]:
        """What the page gets when the person is done: `enrollment` (the value of `onSuccess`, as JSON) and `nonce`.

        Raises `RefusedActionError` for options that Connect would refuse and for a login that the bank does not know.
        """
        setup = _options(setup_text)
        if setup.get("applicationId") != self._application_id:
            raise RefusedActionError("there is no such application")
        environment = setup.get("environment", "sandbox")
        if environment not in ENVIRONMENTS or not setup.get("products"):
            raise RefusedActionError("environment or products make no sense")
        institution = setup.get("institution") or arguments.get("institution_id")
        given = {**arguments, **({"institution_id": institution} if institution else {})}
        nonce = setup.get("nonce")
        if setup.get("enrollmentId"):
            enrollment = self._desk.repair(str(setup["enrollmentId"]), given)
        else:
            enrollment = self._desk.enroll(given, environment)
        return {
            "enrollment": json.dumps(self._on_success(enrollment, nonce if isinstance(nonce, str) else None)),
            "nonce": nonce if isinstance(nonce, str) else "",
            "access_token": enrollment.token,
            "enrollment_id": enrollment.enrollment_id,
        }

    def _on_success(self, enrollment: Enrollment, nonce: str | None) -> dict[str, object]:
        told: dict[str, object] = {
            "accessToken": enrollment.token,
            "user": {"id": enrollment.user_id},
            "enrollment": {
                "id": enrollment.enrollment_id,
                "institution": {"name": enrollment.login.bank.name},
            },
        }
        if nonce:
            text = ".".join(
                (nonce, enrollment.token, enrollment.user_id, enrollment.enrollment_id, enrollment.environment)
            ).encode()
            message = sha256(text).digest() if self._signed_form == "digest" else text
            told["signatures"] = [base64.b64encode(self._key.sign(message)).decode()]
        return told


def page(setup_text: str, refusal: str = "") -> str:
    """The form that stands in for the widget."""
    said = f"<p role=alert>{escape(refusal)}</p>" if refusal else ""
    fields = "".join(
        f"<label>{label} <input name={name}></label> "
        for name, label in (
            ("institution_id", "Institution"),
            ("username", "User name"),
            ("password", "Password"),
            ("code", "One-time code"),
            ("answer", "Answer"),
        )
    )
    return (
        "<!doctype html><title>Teller Connect, simulated</title><h1>Connect your bank</h1>"
        f'{said}<form method=post><input type=hidden name=setup value="{escape(setup_text)}">{fields}'
        "<button>Sign in</button></form>"
    )


def _options(text: str) -> Mapping[str, Any]:
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RefusedActionError("the setup is no object")
    return cast("Mapping[str, Any]", found)
