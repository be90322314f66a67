"""For whom was a sign-in at a provider begun, and what is whoever else brings its outcome told?"""

from hashlib import sha256

from bursar.ports.errors import ProviderAuthenticationError

SIGN_IN_REFUSED = "sign_in_refused"
"""The code of a sign-in whose outcome is not taken: it was begun for somebody else, or is not what it claims to be."""


def mark_of(user_reference: str) -> str:
    """Return what stands for a user in a link: equal for one user, different for another, and nobody's name."""
    return sha256(f"link begun for {user_reference}".encode()).hexdigest()[:32]


def refuse_other_user(provider: str) -> ProviderAuthenticationError:
    """Return the error for the outcome of a sign-in that was begun for another user, or not here at all.

    The two look alike: whoever brings it learns neither whose it is nor whether it is genuine.
    """
    return ProviderAuthenticationError(
        "The sign-in was not begun here for this user. Start it again.", code=SIGN_IN_REFUSED, provider=provider
    )
