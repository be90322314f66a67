"""How does a statement file come in?"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from bursar.domain.ids import parse_id
from bursar.domain.money import is_currency
from bursar.server.deps import Caller, Id, PlatformDep, Writer, value_of
from bursar.server.errors import ApiError, Detail
from bursar.server.pagination import Paging, page_response
from bursar.server.parameters import Parameters
from bursar.server.repeats import carry_out_once
from bursar.server.responses import item_response
from bursar.server.schemas.base import ItemOf, PageOf
from bursar.server.schemas.runs import FormatOut, ImportOut, ImportResultOut
from bursar.server.uploads import Upload, receive_upload
from bursar.services.imports import ImportRequest

router = APIRouter(tags=["imports"])
public = APIRouter(tags=["imports"])

_FLAGS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False, "": False}
_PARTS: dict[str, dict[str, Any]] = {
    "file": {"type": "string", "format": "binary"},
    "account_id": {"type": "string", "format": "uuid", "description": "Where the file does not name its account."},
    "default_currency": {"type": "string", "description": "Where the file names none."},
    "allow_truncated": {"type": "boolean", "description": "Take a file whose end is missing."},
    "dry_run": {"type": "boolean", "description": "Show what would happen; store nothing."},
}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": _PARTS}}},
    }
}
_DRY: dict[int | str, dict[str, Any]] = {200: {"model": ItemOf[ImportResultOut], "description": "After a dry run."}}


@public.get("/formats", response_model=PageOf[FormatOut])
async def list_formats(request: Request, platform: PlatformDep, asked: Annotated[Paging, Query()]) -> Response:
    """List the formats that can be imported."""
    asked.by_number()
    formats = platform.imports.list_formats()
    chosen = formats[asked.offset : asked.offset + asked.size]
    return page_response(request, [FormatOut.of(known) for known in chosen], asked, len(formats))


@router.post("", status_code=201, response_model=ItemOf[ImportResultOut], responses=_DRY, openapi_extra=_FORM)
async def create_import(
    request: Request, platform: PlatformDep, caller: Writer, _asked: Annotated[Parameters, Query()]
) -> Response:
    """Import a file: recognised by its content, stored whole or not at all; what is known already changes nothing."""
    async with receive_upload(request, platform.imports.limits.max_bytes) as upload:
        wanted = _to_request(upload)

        async def work() -> Response:
            outcome = await platform.imports.import_file(caller.tenant_id, caller.user_id, wanted)
            result = ImportResultOut.of(value_of(outcome, caller, platform))
            if result.dry_run:
                return item_response(request, result)
            return item_response(request, result, status=201, location=f"/api/v1/imports/{result.import_batch_id}")

        return await carry_out_once(request, platform, caller, await upload.mark(), work)


def _to_request(upload: Upload) -> ImportRequest:
    values = dict(upload.values)
    problems: list[Detail] = []

    def flag(name: str) -> bool:
        text = values.pop(name, "").strip().lower()
        if text not in _FLAGS:
            problems.append(Detail(field=name, message="true or false", code="type"))
        return _FLAGS.get(text, False)

    dry_run, allow_truncated = flag("dry_run"), flag("allow_truncated")
    account_text = values.pop("account_id", "").strip()
    account_id = parse_id(account_text)
    if account_text and account_id is None:
        problems.append(Detail(field="account_id", message="an id of an account", code="format"))
    currency = values.pop("default_currency", "").strip() or None
    if currency is not None and not is_currency(currency):
        problems.append(Detail(field="default_currency", message="an ISO 4217 code in upper case", code="enum"))
    problems.extend(Detail(field=name[:50], message="There is no such part.", code="unknown") for name in values)
    if problems:
        raise ApiError("unprocessable_entity", "The form has parts that make no sense.", details=problems)
    return ImportRequest(
        stream=upload.stream,
        file_name=_clean_name(upload.file_name),
        account_id=account_id,
        default_currency=currency,
        allow_truncated=allow_truncated,
        dry_run=dry_run,
    )


def _clean_name(name: str) -> str:
    """Return a file name without folders and without characters that cannot be stored or shown."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[:255]


@router.get("", response_model=PageOf[ImportOut])
async def list_imports(
    request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Paging, Query()]
) -> Response:
    """List the imports, the newest first."""
    asked.by_number()
    listed, total = await platform.imports.list_imports(caller.tenant_id, limit=asked.size, offset=asked.offset)
    return page_response(request, [ImportOut.of(stored) for stored in listed], asked, total)


@router.get("/{import_id}", response_model=ItemOf[ImportOut])
async def get_import(
    import_id: Id, request: Request, platform: PlatformDep, caller: Caller, asked: Annotated[Parameters, Query()]
) -> Response:
    """Show one import."""
    stored = value_of(await platform.imports.get_import(caller.tenant_id, import_id), caller, platform)
    return item_response(request, ImportOut.of(stored), fields=asked.fields)
