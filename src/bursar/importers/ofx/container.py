"""Is this an OFX file, where does its body begin and end, and how is it decoded?

Source: OFX 1.6 and 2.2 specifications, section "Open Financial Exchange Headers".
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from bursar.importers.ofx import charsets
from bursar.importers.ofx.failures import OfxFileError
from bursar.importers.ofx.notices import Notices

HEAD_SIZE = 64 * 1024
CHUNK_SIZE = 256 * 1024
_SNIFFED = 8 * 1024

_FORM_FEEDS_AND_OTHER_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r") + b"\x7f"
_BODY = re.compile(r"<OFX(?:\s++[^<>]{0,1000}+)?+>", re.IGNORECASE)
_END = re.compile(rb"</OFX\s{0,16}>", re.IGNORECASE)
_KEY_NAMES = "OFXHEADER|DATA|VERSION|SECURITY|ENCODING|CHARSET|COMPRESSION|OLDFILEUID|NEWFILEUID"
# In a header on one line without blanks a value runs into the next key: VERSION:102SECURITY:NONE.
_KEY = re.compile(
    rf"({_KEY_NAMES})[ \t]*+[:=][ \t]*+"
    rf"(?:\"([^\"<]{{0,200}})\"|'([^'<]{{0,200}})'|((?:(?!(?:{_KEY_NAMES})[ \t]*+[:=])[^\s<>\"':?]){{0,100}}+))",
    re.IGNORECASE,
)
_XML_ENCODING = re.compile(r"<\?xml\b[^<>]{0,300}?\bencoding\s{0,8}=\s{0,8}[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)
_REGULAR_V1 = re.compile(r"\s{0,3}OFXHEADER:[0-9]{3}\r?\nDATA:", re.IGNORECASE)
_REGULAR_V2 = re.compile(r"\s{0,3}<\?xml\b[^<>]{0,300}\?>\s{0,8}<\?OFX\b", re.IGNORECASE)
_DOCUMENT_TYPE = re.compile(r"<!\s{0,8}(?:DOCTYPE|ENTITY)\b", re.IGNORECASE)
_HTML = re.compile(r"<(?:!DOCTYPE\s{1,8}html|html|head|body)\b", re.IGNORECASE)
_OFX_HINT = re.compile(rb"OFXHEADER|<\?OFX|<OFX[\s>]", re.IGNORECASE)

_SIGNATURES = (
    (b"%PDF", "pdf_file"),
    (b"\x1f\x8b", "compressed_file"),
    (b"PK\x03\x04", "compressed_file"),
    (b"PK\x05\x06", "compressed_file"),
    (b"BZh", "compressed_file"),
    (b"\xfd7zXZ", "compressed_file"),
    (b"\x28\xb5\x2f\xfd", "compressed_file"),
    (b"7z\xbc\xaf", "compressed_file"),
    (b"Rar!", "compressed_file"),
    (b"\xd0\xcf\x11\xe0", "office_file"),
)


@dataclass(slots=True)
class Container:
    """A file whose header is understood and whose body can be read, any number of times, piece by piece."""

    stream: BinaryIO = field(repr=False)
    version: str | None
    """`102`, `203` …; None when the header gives none."""
    codec: str
    start: int
    """First byte of the body."""
    end: int
    """First byte after the body."""
    first_line: int
    """Line on which the body begins, from 1."""
    is_truncated: bool
    """True when `</OFX>` is missing; the body is then all the rest of the file."""
    size: int

    def texts(self, notices: Notices | None = None, chunk_size: int = CHUNK_SIZE) -> Iterator[str]:
        """Yield the body as text, line ends as `\\n`, control characters removed, whatever bytes it holds."""
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(self.codec)("replace"), translate=True)
        is_wide = self.codec.startswith("utf-16")
        for chunk in _pieces(self.stream, self.start, self.end, chunk_size):
            if is_wide:
                text = decoder.decode(chunk).translate(_CONTROLS_IN_TEXT)
            else:
                text = decoder.decode(chunk.translate(None, _FORM_FEEDS_AND_OTHER_CONTROLS))
            if notices is not None and not text.isascii() and "\ufffd" in text:
                notices.add("characters_replaced")
            if text:
                yield text
        tail = decoder.decode(b"", final=True)
        if tail:
            yield tail


_CONTROLS_IN_TEXT = dict.fromkeys(_FORM_FEEDS_AND_OTHER_CONTROLS)


def sniff(head: bytes) -> int:
    """Return how surely a file's first 64 KiB are OFX: 100 with a header or body, 0 for everything else."""
    mark = charsets.byte_order_mark(head)
    head = head[mark[1] :] if mark else head
    codec = mark[0] if mark else charsets.utf16_by_zeros(head)
    start = head[:_SNIFFED]
    if codec is not None and codec.startswith("utf-16"):
        start = start.decode(codec, "replace").encode("utf-8")
    if any(head.startswith(signature) for signature, _ in _SIGNATURES):
        return 0
    return 100 if _OFX_HINT.search(start) else 0


def open_container(
    source: bytes | BinaryIO, notices: Notices, *, max_bytes: int | None = None, allow_truncated: bool = False
) -> Container:
    """Return the container of a file, after looking at its head, its tail and, where it is not ASCII, its bytes.

    A stream that cannot be read twice is copied into memory first.

    Raises:
        OfxFileError: the file is not OFX, cut off, encrypted, compressed, or larger than `max_bytes`.
    """
    stream, size = _seekable(source, max_bytes)
    if max_bytes is not None and size > max_bytes:
        raise OfxFileError("too_large")
    stream.seek(0)
    head = stream.read(HEAD_SIZE)
    mark = charsets.byte_order_mark(head)
    skipped = mark[1] if mark else 0
    codec = mark[0] if mark else charsets.utf16_by_zeros(head)
    _refuse_foreign(head[skipped:], codec)
    is_wide = codec is not None and codec.startswith("utf-16")
    # Latin-1 maps each byte to one character, so positions in this text are positions in the file.
    prolog = head[skipped:].decode(codec, "replace") if is_wide and codec else head[skipped:].decode("latin-1")
    match = _BODY.search(prolog)
    header = prolog[: match.start()] if match else prolog
    if match is None:
        _refuse_without_body(prolog)
        raise AssertionError("unreachable: a file without a body is refused")
    if _DOCUMENT_TYPE.search(header):
        raise OfxFileError("document_type")
    keys = _header_keys(header)
    _refuse_unsupported(keys)
    if not (_REGULAR_V1.match(header) or _REGULAR_V2.match(header)):
        notices.add("header_irregular", 1)
    width = 2 if is_wide else 1
    start = skipped + match.start() * width
    end = _body_end(stream, start, size, codec if is_wide else None)
    if end is None and not allow_truncated:
        raise OfxFileError("truncated")
    if not is_wide:
        codec = _decide_codec(stream, start, end or size, keys, header, has_mark=mark is not None, notices=notices)
    return Container(
        stream=stream,
        version=keys.get("VERSION") or None,
        codec=codec or "cp1252",
        start=start,
        end=size if end is None else end,
        first_line=1 + header.replace("\r\n", "\n").replace("\r", "\n").count("\n"),
        is_truncated=end is None,
        size=size,
    )


def _decide_codec(
    stream: BinaryIO, start: int, end: int, keys: dict[str, str], header: str, *, has_mark: bool, notices: Notices
) -> str:
    is_utf8, is_ascii = charsets.inspect(_pieces(stream, start, end, CHUNK_SIZE))
    declared = _XML_ENCODING.search(header)
    encoding = "UTF-8" if has_mark else declared[1] if declared else keys.get("ENCODING", "")
    charset = "" if has_mark or declared else keys.get("CHARSET", "")
    decided = charsets.decide(encoding, charset, is_utf8=is_utf8, is_ascii=is_ascii)
    if decided.notice is not None:
        notices.add(decided.notice)
    return decided.codec


def _seekable(source: bytes | BinaryIO, max_bytes: int | None) -> tuple[BinaryIO, int]:
    if isinstance(source, bytes):
        return io.BytesIO(source), len(source)
    if source.seekable():
        return source, source.seek(0, io.SEEK_END)
    copy = io.BytesIO()
    while chunk := source.read(CHUNK_SIZE):
        copy.write(chunk)
        if max_bytes is not None and copy.tell() > max_bytes:
            raise OfxFileError("too_large")
    return copy, copy.tell()


def _pieces(stream: BinaryIO, start: int, end: int, size: int) -> Iterator[bytes]:
    position = start
    while position < end:
        stream.seek(position)
        piece = stream.read(min(size, end - position))
        if not piece:
            return
        position += len(piece)
        yield piece


def _refuse_foreign(head: bytes, codec: str | None) -> None:
    if not head.strip():
        raise OfxFileError("empty_file")
    for signature, code in _SIGNATURES:
        if head.startswith(signature):
            raise OfxFileError(code)
    if b"\0" in head[:1024] and (codec is None or not codec.startswith("utf-16")):
        raise OfxFileError("binary_file")


def _refuse_without_body(prolog: str) -> None:
    if re.search(r"OFXHEADER", prolog[:_SNIFFED], re.IGNORECASE):
        raise OfxFileError("no_body")
    raise OfxFileError("html_page" if _HTML.search(prolog) else "not_ofx")


def _header_keys(header: str) -> dict[str, str]:
    """Return the header's values by upper-case key, from `KEY:value` lines or `KEY="value"` attributes."""
    # What stands before (a mail's or a web server's headers) has a charset of its own.
    own = header[max(header.upper().find("OFXHEADER"), 0) :]
    keys: dict[str, str] = {}
    for name, double, single, bare in _KEY.findall(own):
        keys.setdefault(name.upper(), (bare or double or single).strip())
    return keys


def _refuse_unsupported(keys: dict[str, str]) -> None:
    if keys.get("SECURITY", "").upper() not in ("", "NONE"):
        raise OfxFileError("unsupported_security")
    if keys.get("COMPRESSION", "").upper() not in ("", "NONE"):
        raise OfxFileError("unsupported_compression")


def _body_end(stream: BinaryIO, start: int, size: int, wide_codec: str | None) -> int | None:
    """Return the position after the last `</OFX>`, looked for from the file's end; None when there is none."""
    end_tag = _END if wide_codec is None else re.compile(re.escape("</OFX>".encode(wide_codec)), re.IGNORECASE)
    overlap = 64
    stop = size
    while stop > start:
        begin = max(start, stop - HEAD_SIZE)
        stream.seek(begin)
        block = stream.read(min(size, stop + overlap) - begin)
        found = max((match.end() for match in end_tag.finditer(block)), default=None)
        if found is not None:
            return begin + found
        stop = begin
    return None
