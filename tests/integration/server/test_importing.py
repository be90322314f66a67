"""Uploads, and every way in which one may be refused."""

from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.runs import FormatOut, ImportResultOut, RejectedRecordOut
from bursar.settings import Settings

ROWS = [("05", "-3.50", "COFFEE"), ("06", "-4.00", "TEA")]


async def test_upload_is_stored_and_the_same_file_again_changes_nothing(alice, statement) -> None:
    first = await alice.upload(statement(ROWS))
    assert first.status_code == 201
    result = ItemOf[ImportResultOut].model_validate(first.json()).data
    assert (result.transactions_imported, result.replayed, result.dry_run) == (2, False, False)
    assert first.headers["location"] == f"/api/v1/imports/{result.import_batch_id}"
    assert (await alice.get(first.headers["location"].removeprefix("/api/v1"))).status_code == 200
    again = await alice.upload(statement(ROWS))
    assert again.status_code == 201
    assert (again.json()["data"]["replayed"], again.json()["data"]["transactions_skipped"]) == (True, 2)
    assert len(await alice.list("/transactions")) == 2


async def test_dry_run_tells_and_stores_nothing(alice, statement) -> None:
    answer = await alice.upload(statement(ROWS), data={"dry_run": "true"})
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["dry_run"], data["transactions_imported"], data["import_batch_id"]) == (True, 2, None)
    for path in ("/transactions", "/accounts", "/imports", "/connections"):
        assert await alice.list(path) == []


NO_STATEMENTS = [
    (b"", "a.qfx", 400, "file_unreadable"),
    (b"<!DOCTYPE html><html>sign in</html>", "a.ofx", 400, "file_unreadable"),
    (b"%PDF-1.7 ...", "a.qfx", 400, "file_unreadable"),
    (b"hello", "a.xyz", 415, "unsupported_file_format"),
    (b"hello", "noextension", 415, "unsupported_file_format"),
]


async def test_file_that_is_no_statement_is_refused(alice) -> None:
    for content, name, status, code in NO_STATEMENTS:
        answer = await alice.upload(content, name)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert answer.json()["type"].endswith(code.replace("_", "-"))
        if status == 415:
            assert answer.json()["detail"] == f"Unsupported file format: {Path(name).suffix or '.'}"
    assert await alice.list("/imports") == []


async def test_truncated_file_is_refused_and_may_be_allowed(alice, statement) -> None:
    whole = statement(ROWS)
    cut = whole[: whole.rindex(b"</BANKMSGSRSV1>")]
    assert (await alice.upload(cut)).status_code == 400
    assert (await alice.upload(cut, data={"allow_truncated": "true"})).status_code == 201


async def test_content_decides_not_the_name(alice, statement) -> None:
    for name in ("STATEMENT.TXT", "x", "statement.aspx", "../../etc/passwd", "a\x07b.ofx"):
        answer = await alice.upload(statement(ROWS), name)
        assert answer.status_code == 201, answer.text
        stored = (await alice.list("/imports"))[0]["file_name"]
        assert "/" not in stored and stored.isprintable()


async def test_row_that_cannot_be_read_is_told_and_listed(alice, statement) -> None:
    answer = await alice.upload(statement([*ROWS, ("07", "twelve", "BROKEN")]))
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert (data["transactions_read"], data["transactions_imported"], data["transactions_rejected"]) == (3, 2, 1)
    assert [each["reason"] for each in data["rejected"]] == ["bad_number"]
    listed = (await alice.get(f"/rejected_records?connection_id={data['connection_id']}")).json()
    (record,) = PageOf[RejectedRecordOut].model_validate(listed).data
    assert (record.kind, record.reason, listed["meta"]["total"]) == ("transaction", "bad_number", 1)


async def test_account_is_asked_for_when_the_file_does_not_name_it(alice, statement) -> None:
    await alice.upload(statement(ROWS))
    nameless = statement([("09", "-1.00", "X")]).replace(b"<ACCTID>000123456789", b"<ACCTID>")
    asked = await alice.upload(nameless)
    assert asked.status_code == 409, asked.text
    assert asked.json()["error"]["code"] == "account_required"
    (candidate,) = asked.json()["error"]["candidates"]
    done = await alice.upload(nameless, data={"account_id": candidate["account_id"]})
    assert done.status_code == 201, done.text


async def test_another_tenants_account_is_not_there(alice, bob, statement) -> None:
    await alice.upload(statement(ROWS))
    (account,) = await alice.list("/accounts")
    answer = await bob.upload(statement(ROWS), data={"account_id": account["id"]})
    assert answer.status_code == 404
    assert await bob.list("/transactions") == []


async def test_wrong_part_is_refused_by_name(alice, statement) -> None:
    wrong = {"account_id": "x", "dry_run": "perhaps", "default_currency": "dollars", "surprise": "1"}
    for name, value in wrong.items():
        answer = await alice.upload(statement(ROWS), data={name: value})
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json()["error"]["details"]] == [name]
    together = await alice.upload(statement(ROWS), data=wrong)
    assert {each["field"] for each in together.json()["error"]["details"]} == set(wrong)


async def test_missing_file_and_other_bodies_are_refused(alice, statement) -> None:
    missing = await alice.post("/imports", files={"other": ("a.ofx", statement(ROWS))})
    assert (missing.status_code, missing.json()["error"]["details"][0]["field"]) == (422, "file")
    twice = await alice.post("/imports", files=[("file", ("a", b"1")), ("file", ("b", b"2"))])
    assert twice.status_code == 422
    assert (await alice.post("/imports", json={})).status_code == 415
    assert (await alice.post("/imports")).status_code == 415
    broken = await alice.post("/imports", content=b"--x\r\nnonsense", headers={"Content-Type": "multipart/form-data"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "malformed_request")


async def test_reader_and_stranger_may_not_import(alice, new_user, http, statement) -> None:
    reader = await new_user(of=alice, role="readonly")
    assert (await reader.upload(statement(ROWS))).status_code == 403
    assert (await http.post("/api/v1/imports", files={"file": ("a.ofx", b"")})).status_code == 401
    assert await alice.list("/imports") == []


class _Endless:
    """A body that never ends and counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.ofx"\r\n\r\n'
        while self.taken < 50 * 1024 * 1024:
            self.taken += 64 * 1024
            yield b"x" * 64 * 1024


async def test_size_is_limited_while_the_file_comes_in(open_test_platform: Any, settings: Settings, tmp_path) -> None:
    from bursar.bootstrap import open_platform
    from bursar.server.app import create_app

    small = Settings(
        database_url=SecretStr(settings.database_url.get_secret_value()) if settings.database_url else None,
        home=tmp_path / "small",
        import_max_bytes=100_000,
    )
    async with open_platform(small) as platform:
        token = (await platform.access.ensure_local_user()).new_token
        transport = httpx2.ASGITransport(app=create_app(platform))  # pyright: ignore[reportArgumentType]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=b"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://t", headers=headers) as client:
            body = _Endless()
            answer = await client.post("/api/v1/imports", content=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")
            assert body.taken < 20 * 1024 * 1024
            announced = await client.post("/api/v1/imports", content=b"x" * 400_000)
            assert announced.status_code == 413
            part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.ofx"\r\n\r\n'
            barely = await client.post("/api/v1/imports", content=part + b"x" * 100_001 + b"\r\n--b--\r\n")
            assert (barely.status_code, barely.json()["error"]["code"]) == (413, "file_too_large")


async def test_formats_are_public(http) -> None:
    answer = await http.get("/api/v1/imports/formats")
    formats = PageOf[FormatOut].model_validate(answer.json()).data
    assert ".qfx" in next(each.extensions for each in formats if each.slug == "ofx")
