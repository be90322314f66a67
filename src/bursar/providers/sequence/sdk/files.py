"""How is a small file kept so that neither a crash nor another process can spoil it?"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

_OWNER_ONLY = 0o600
_OWNER_ONLY_DIR = 0o700


def ensure_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter; one that is there stays as it is."""
    folder.mkdir(mode=_OWNER_ONLY_DIR, parents=True, exist_ok=True)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Keep out every other thread and process that locks the same file; waits, and ends with the process.

    The lock is a file beside it, `<name>.lock`: the file itself is replaced when it is written.
    """
    ensure_folder(path.parent)
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only, and on the disk when this returns."""
    ensure_folder(path.parent)
    handle, name = mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)  # mkstemp creates it 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def tighten(path: Path) -> None:
    """Take away everybody else's access to a file that is there."""
    with suppress(FileNotFoundError):
        if path.stat().st_mode & 0o077:
            path.chmod(_OWNER_ONLY)


def append_line(path: Path, line: bytes) -> None:
    """Add one line to a file that many processes add to, in one write, on the disk when this returns.

    A line that a crash cut short is ended first, so that it spoils itself only.
    """
    ensure_folder(path.parent)
    tighten(path)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        is_cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        content = (b"\n" if is_cut else b"") + line + b"\n"
        if os.write(handle, content) != len(content):
            raise OSError(f"{path.name}: only a part of a line could be written")
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    # Without it the new name may not survive a power failure.
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
