"""Why can a whole file not be read?"""

_MESSAGES = {
    "empty_file": "The file is empty.",
    "not_ofx": "This is not an OFX or QFX file.",
    "html_page": "This is a web page, not a statement. The bank's session may have ended: sign in and download again.",
    "pdf_file": "This is a PDF document, not an OFX or QFX file. Choose OFX or QFX at the bank's download page.",
    "compressed_file": "The file is compressed. Unpack it and upload the statement inside.",
    "office_file": "This is an office document, not an OFX or QFX file.",
    "binary_file": "The file holds binary data, not a statement.",
    "no_body": "The file has an OFX header but no statement after it: the download was interrupted.",
    "truncated": "The end of the file is missing: the download was interrupted. Download it again.",
    "document_type": "The file declares a document type or entities, which a statement never needs. It was refused.",
    "unsupported_security": "The file is encrypted by the bank (SECURITY is not NONE), which is not supported.",
    "unsupported_compression": "The file's content is compressed (COMPRESSION is not NONE), which is not supported.",
    "too_deep": "The elements of the file are nested too deeply.",
    "too_many_rows": "The file holds more rows than one import may have.",
    "too_many_statements": "The file holds more statements than one import may have.",
    "too_large": "The file is larger than one import may be.",
    "no_statement": "The file holds no statement and no account.",
    "statement_refused": "The institution answered with an error instead of a statement. Download it again.",
}


class OfxFileError(Exception):
    """The file as a whole cannot be read; `code` names why, the text is fixed and holds nothing of the file."""

    def __init__(self, code: str, *, line: int | None = None, status: str | None = None) -> None:
        super().__init__(_MESSAGES[code])
        self.code = code
        self.message = _MESSAGES[code]
        self.line = line
        """Line in the file, from 1; None when it is about the whole."""
        self.status = status
        """The institution's own status code, where it sent one."""
