"""Does a file that we publish speak of the desk where it was written, instead of the project?

Usage: python tools/leak_check.py [REPOSITORY]

Prints `path:line leak message` for machine paths, hosts of private networks and office talk; any makes the exit
status 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LEAKS = (
    (re.compile(r"(?<![\w.~$}-])/(?:work|root|home|Users|workspace)/\w"), "a path of somebody's machine"),
    (re.compile(r"\b[A-Z]:\\Users\\"), "a path of somebody's machine"),
    (re.compile(r"://[\w.-]+\.(?:internal|corp|lan|intranet)\b"), "a host of a private network"),
    (
        re.compile(r"\bthe\s+brief\b|\bas\s+(?:instructed|requested\s+by)\b|\byour\s+task\b", re.IGNORECASE),
        "office talk",
    ),
)


def find_leaks(root: Path, files: list[Path]) -> list[str]:
    """Text of the repository speaks of the project, not of the desk where it was written."""
    findings: list[str] = []
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # binary, or deleted and not yet committed
        for number, line in enumerate(lines, start=1):
            findings += [
                f"{path.relative_to(root)}:{number} leak {what}: {match[0]!r}"
                for pattern, what in LEAKS
                if (match := pattern.search(line))
            ]
    return sorted(findings)


def tracked_files(root: Path) -> list[Path]:
    """Files that git would publish, including new ones that it does not ignore."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - fixed words
    return [root / name for name in listing.split("\0") if name]


def main(arguments: list[str]) -> int:
    """Print every leak; 1 when there is one."""
    root = Path(arguments[0] if arguments else ".").resolve()
    files = tracked_files(root)
    findings = find_leaks(root, files)
    for finding in findings:
        print(finding)
    print(f"{len(files)} files, {len(findings)} leaks")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
