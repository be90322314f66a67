"""What does the committed description of the interface say? (`python -m bursar.server.openapi [FILE]`)."""

import json
import sys
from pathlib import Path

from bursar.server.app import describe_app


def render() -> str:
    """Return the OpenAPI document as text, its members in a fixed order."""
    return json.dumps(describe_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document to the file that is named, or to standard output."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(render(), encoding="utf-8")
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main()
