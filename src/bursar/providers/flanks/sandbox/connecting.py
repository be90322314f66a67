"""How does an end user of the simulated Flanks connect?"""

from bursar.providers.flanks.sandbox.bodies import Body, Reader, matches
from bursar.providers.flanks.sandbox.desk import Application, Session, page
from bursar.sandbox.cast import BANKS
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.people import Login

CONNECTOR_COUNT = 120
TESTBANK = "testbank"

# What the test bank does with a password; anything else that does not begin with SCA_ is let in.
_REFUSALS = {
    "INVALID_CREDENTIALS": "InvalidCredentials",
    "ALREADY_EXISTS": "InvalidCredentials",
    "INTERNAL_ERROR": "InternalError",
    "USER_INTERACTION_NEEDED": "UserInteractionNeeded",
    "SCA_TYPE_NOT_ALLOWED": "UnsupportedChallengeMethod",
}
_CHALLENGE_REFUSALS = {
    "INVALID_SCA": "InvalidChallengeResponse",
    "INTERNAL_ERROR": "InternalError",
    "USER_INTERACTION_NEEDED": "UserInteractionNeeded",
}


def connectors(app: Application) -> list[Body]:
    """The banks of the cast and of the world, the test bank, and as many others as make the paging real."""
    every = {bank.key: bank for bank in (*BANKS.values(), *app.world.banks)}
    banks = [(bank.key, bank.name, bank.country) for _, bank in sorted(every.items())]
    known = [(TESTBANK, "TestBank", "ES"), *banks]
    others = [(str(number), f"Banc {number}", "ES") for number in range(1, CONNECTOR_COUNT - len(known) + 1)]
    return [
        {"connector_id": key, "name": name, "country": country, "logo_url": None}
        for key, name, country in (*known, *others)
    ]


def entities(app: Application) -> list[Body]:
    """The institutions of the v0 API."""
    known = {TESTBANK, "12", *(bank.key for bank in app.world.banks)}
    return [
        {"id": one["connector_id"], "name": one["name"], "country": one["country"], "logo_url": None}
        for one in connectors(app)
        if one["connector_id"] in known
    ]


def list_connectors(app: Application, reader: Reader, page_size: int) -> Body:
    """A page of the connectors."""
    query = reader.query(("connector_id_in",))
    wanted = [one for one in connectors(app) if matches(query, "connector_id_in", one["connector_id"])]
    items, following = page(reader, wanted, page_size)
    return {"items": items, "next_page_token": following}


def create_session(app: Application, reader: Reader, base: str, *, is_flat: bool) -> Body:
    """A new session."""
    configuration = reader.members("configuration")
    connector_id = configuration.get("connector_id")
    if connector_id is None:
        raise reader.wrong("configuration.connector_id", "missing")
    if not any(one["connector_id"] == connector_id for one in connectors(app)):
        raise reader.wrong("configuration.connector_id", "invalid_value")
    connection_id = configuration.get("connection_id")
    if connection_id is not None and str(connection_id) not in app.credentials:
        raise reader.wrong("configuration.connection_id", "invalid_value")
    session = Session(app.new_id("ses"), str(connector_id), configuration)
    session.connection_id = None if connection_id is None else str(connection_id)
    app.sessions[session.session_id] = session
    rendered = session.render(base)
    return rendered if is_flat else {"session": rendered}


def list_sessions(app: Application, reader: Reader, page_size: int, base: str) -> Body:
    """A page of the sessions, newest first."""
    names = ("session_id_in", "status_in", "connection_id_in", "error_code_in")
    query = reader.query(names)
    rendered = [session.render(base) for session in reversed(app.sessions.values())]
    wanted = [one for one in rendered if all(matches(query, name, one[name.removesuffix("_in")]) for name in names)]
    items, following = page(reader, wanted, page_size)
    return {"items": items, "next_page_token": following}


def submit(app: Application, session: Session, username: str, secret: str) -> None:
    """What an end user types on the page of a session: a password, or the answer to a challenge."""
    if session.status == "Waiting:Challenge":
        _answer_challenge(app, session, secret)
        return
    if session.status != "Waiting:ProvideCredentials":
        raise RefusedActionError("the session is finished")
    if session.connector_id == TESTBANK:
        if secret in _REFUSALS:
            _fail(session, _REFUSALS[secret])
        elif secret.startswith("SCA_"):
            session.status = "Waiting:Challenge"
        else:
            _succeed(app, session, app.world.logins[0])
            if secret == "DATA_ERROR_PRODUCT_ACCOUNT":  # noqa: S105 - the test bank's own word
                app.credentials[str(session.connection_id)].errored = frozenset({"product.account"})
        return
    login = app.world.find_login(session.connector_id, username)
    if login is None or login.password != secret:
        _fail(session, "InvalidCredentials")
        return
    _succeed(app, session, login)


def _answer_challenge(app: Application, session: Session, secret: str) -> None:
    if secret in _CHALLENGE_REFUSALS:
        _fail(session, _CHALLENGE_REFUSALS[secret])
    elif not secret.startswith("SCA_"):
        _succeed(app, session, app.world.logins[0])


def _succeed(app: Application, session: Session, login: Login) -> None:
    external_id = session.configuration.get("external_id")
    external_id = None if external_id is None else str(external_id)
    if session.connection_id is None:
        session.connection_id = app.connect(login, external_id=external_id).token
    else:
        app.sign_in_again(app.find(session.connection_id))
    session.status = "Finished:OK"


def _fail(session: Session, code: str) -> None:
    session.status, session.error_code = "Finished:Error", code
