"""How are credentials, links and reports of the simulated Flanks managed?"""

from typing import Any

from bursar.providers.flanks.sandbox.bodies import Body, Reader
from bursar.providers.flanks.sandbox.desk import Application
from bursar.providers.flanks.sandbox.problems import not_found

_FORCES = ("sca", "reset", "transaction")
_LINK_TEXTS = ("redirect_uri", "name", "company_name", "terms_and_conditions_url", "privacy_policy_url")
_REPORT_STEPS = {"new": "payload", "payload": "file", "file": "ready"}
TEMPLATES = ({"template_id": 1, "name": "Monthly wealth report", "description": "Positions and performance"},)


def credential_status(app: Application, reader: Reader, *, is_flat: bool) -> Body:
    """Where a credential stands."""
    credential = app.find(reader.required("credentials_token"))
    status = app.status_of(credential)
    if not is_flat:
        return status
    return status | {
        "errored": bool(credential.errored),
        "created": credential.created_at.isoformat(),
        "last_update": None if credential.is_pending else app.world.now.isoformat(),
    }


def list_credentials(app: Application, reader: Reader, page_size: int) -> Body:
    """One page of the credentials, by number."""
    number = reader.whole("page", default=1)
    if number < 1:
        raise reader.wrong("page", "invalid_value")
    every = list(app.credentials.values())
    start = (number - 1) * page_size
    return {
        "items": [
            {
                "credentials_token": one.token,
                "external_id": one.external_id,
                "bank": one.bank,
                "status": one.status,
            }
            for one in every[start : start + page_size]
        ],
        "page": number,
        "pages": -(-len(every) // page_size),
    }


def force(app: Application, reader: Reader) -> Body:
    """Ask for strong authentication, a reset or the transactions; a token that is outstanding comes again."""
    credential = app.find(reader.required("credentials_token"))
    what = reader.required("force")
    if what not in _FORCES:
        raise reader.wrong("force", "invalid_value")
    token = credential.tokens.setdefault(what, app.new_id(what[:3]))
    return {f"{what}_token": token}


def delete_credential(app: Application, reader: Reader) -> Body:
    """Delete a credential."""
    credential = app.find(reader.required("credentials_token"))
    del app.credentials[credential.token]
    return {"message": "Successfully deleted"}


def list_links(app: Application, *, is_flat: bool) -> Any:
    """Every link."""
    links = [_rendered(app, link) for link in app.links.values()]
    return links if is_flat else {"success": True, "count": len(links), "items": links}


def create_link(app: Application, reader: Reader, *, is_flat: bool) -> Body:
    """A new link."""
    reader.required("redirect_uri")
    token = app.new_id("lnk")
    given = {name: reader.text(name, required=False, nullable=True) for name in _LINK_TEXTS}
    _check_name(app, reader, given["name"], token)
    link = {"token": token, **given, "name": given["name"] or token, "active": True}
    app.links[token] = link | {"company_name": given["company_name"] or "Example Wealth"}
    return _wrapped(_rendered(app, app.links[token]), is_flat=is_flat)


def edit_link(app: Application, reader: Reader, *, is_flat: bool) -> Body:
    """Change a link: absent members stay, null ones are removed."""
    link = _find_link(app, reader)
    changes = {name: reader.text(name, nullable=True) for name in _LINK_TEXTS if name in reader.body}
    _check_name(app, reader, changes.get("name"), link["token"])
    if changes.get("name", "") is None:
        changes["name"] = link["token"]
    link.update(changes)
    return _wrapped(_rendered(app, link), is_flat=is_flat)


def switch_link(app: Application, reader: Reader, *, active: bool, is_flat: bool) -> Body:
    """Pause or resume a link; doing it again succeeds."""
    link = _find_link(app, reader)
    link["active"] = active
    return _wrapped(_rendered(app, link), is_flat=is_flat)


def delete_link(app: Application, reader: Reader, *, is_flat: bool) -> Body:
    """Delete a link that no code is pending of."""
    link = _find_link(app, reader)
    if _rendered(app, link)["pending_code_count"]:
        raise reader.conflict("LinkHasPendingCodes")
    del app.links[link["token"]]
    return _wrapped({"token": link["token"]}, is_flat=is_flat)


def list_codes(app: Application, link_token: str | None) -> list[Body]:
    """The codes that nobody has exchanged yet."""
    return [
        {name: code[name] for name in ("code", "link_token", "extra")}
        for code in app.codes.values()
        if link_token is None or code["link_token"] == link_token
    ]


def exchange_code(app: Application, reader: Reader) -> Body:
    """Exchange a code, once."""
    code = app.codes.pop(reader.required("code"), None)
    if code is None:
        raise not_found()
    return {
        "message": "Successfully retrieved",
        "credentials_token": code["credentials_token"],
        "link_token": code["link_token"],
        "extra": code["extra"],
    }


def build_report(app: Application, reader: Reader) -> Body:
    """Order a report."""
    template_id = reader.whole("template_id")
    reader.members("query")
    reader.members("template_attributes")
    if reader.body.get("language", "en") not in ("en", "es", "fr"):
        raise reader.wrong("language", "invalid_value")
    for name in ("start_date", "end_date"):
        if reader.body.get(name) is not None:
            reader.day_of(name, reader.body[name])
    if template_id not in [template["template_id"] for template in TEMPLATES]:
        raise not_found()
    report_id = 789 + len(app.reports)
    report: Body = {"report_id": report_id, "template_id": template_id, "status": "new"}
    app.reports[report_id] = report
    return dict(report)


def report_status(app: Application, reader: Reader, *, is_frozen: bool) -> Body:
    """How far a report is; each question moves it on by a step unless time is frozen."""
    report = _find_report(app, reader)
    if not is_frozen:
        report["status"] = _REPORT_STEPS.get(report["status"], report["status"])
    return dict(report)


def report_content(app: Application, reader: Reader) -> Body:
    """The address of a finished report."""
    report = _find_report(app, reader)
    if report["status"] != "ready":
        raise reader.conflict("ReportNotReady")
    return {"url": f"https://files.example/reports/{report['report_id']}.pdf"}


def _find_report(app: Application, reader: Reader) -> Body:
    report = app.reports.get(reader.whole("report_id"))
    if report is None:
        raise not_found()
    return report


def _find_link(app: Application, reader: Reader) -> Body:
    link = app.links.get(reader.required("token"))
    if link is None:
        raise not_found()
    return link


def _check_name(app: Application, reader: Reader, name: str | None, token: str) -> None:
    if name is not None and any(one["name"] == name and one["token"] != token for one in app.links.values()):
        raise reader.conflict("DuplicatedName")


def _rendered(app: Application, link: Body) -> Body:
    pending = sum(code["link_token"] == link["token"] for code in app.codes.values())
    return {**link, "pending_code_count": pending}


def _wrapped(data: Body, *, is_flat: bool) -> Body:
    return data if is_flat else {"success": True, "data": data}
