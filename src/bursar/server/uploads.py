"""How is an uploaded file taken in without letting it grow beyond its limit?"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from bursar.server.errors import ApiError, Detail

_FORM_BYTES = 64 * 1024
"""What the other parts and the boundaries may take, beside the file."""
_BLOCK = 64 * 1024


class _TooLargeError(MultiPartException):
    """Raised inside the parser, which then closes what it has spooled."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and the other parts of its form."""

    stream: BinaryIO
    file_name: str
    values: dict[str, str]

    async def mark(self) -> bytes:
        """Return a digest of everything that was sent; the stream stands at its beginning before and after."""
        digest = sha256(repr((self.file_name, sorted(self.values.items()))).encode())
        while block := await asyncio.to_thread(self.stream.read, _BLOCK):
            digest.update(block)
        self.stream.seek(0)
        return digest.digest()


@asynccontextmanager
async def receive_upload(request: Request, max_bytes: int) -> AsyncGenerator[Upload]:
    """Give the upload; large files lie on disk, and are gone afterwards.

    Raises:
        ApiError: 413 as soon as the body is known to be too large, 415 when it is no form, 400 when it cannot be
            read, 422 when the file is missing.
    """
    too_large = ApiError(
        "file_too_large",
        f"The file is larger than {max_bytes // (1024 * 1024)} MiB."
        if max_bytes >= 1024 * 1024
        else f"The file is larger than {max_bytes} bytes.",
    )
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise ApiError("unsupported_media_type", "Send the file as multipart/form-data, in a part called file.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > max_bytes + _FORM_BYTES:
        raise too_large

    async def limited() -> AsyncGenerator[bytes]:
        received = 0
        async for block in request.stream():
            received += len(block)
            if received > max_bytes + _FORM_BYTES:
                raise _TooLargeError("too large")
            yield block

    parser = MultiPartParser(request.headers, limited(), max_files=2, max_fields=20, max_part_size=_FORM_BYTES)
    try:
        form = await parser.parse()
    except _TooLargeError:
        raise too_large from None
    except (MultiPartException, UnicodeDecodeError, LookupError):
        raise ApiError("malformed_request", "The form cannot be read.") from None
    try:
        yield _to_upload(form)
    finally:
        await form.close()


def _to_upload(form: FormData) -> Upload:
    files = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
    values = [(name, part) for name, part in form.multi_items() if isinstance(part, str)]
    problems: list[Detail] = []
    if not any(name == "file" for name, _ in files):
        problems.append(Detail(field="file", message="The file is missing.", code="required"))
    elif len(files) > 1:
        problems.append(Detail(field="file", message="Send one file at a time.", code="unique"))
    repeated = sorted({name for name, _ in values if sum(name == other for other, _ in values) > 1})
    problems.extend(Detail(field=name, message="Give this part once.", code="unique") for name in repeated)
    if problems:
        raise ApiError("unprocessable_entity", "The form is not complete.", details=problems)
    part = files[0][1]
    return Upload(stream=part.file, file_name=part.filename or "", values=dict(values))
