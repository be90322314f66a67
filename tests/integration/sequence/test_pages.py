"""Do the programs of the documents work as they stand there?"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("howto/refresh-sequence-unattended.md", "Emergency Fund $1,500.00"),
        ("reference/sequence-sdk.md", "$5,000.00\n2025-01-15T10:30:00-05:00 $50.00 COMPLETE"),
    ],
)
def test_program_of_the_page_works(simulated, page, told):
    (program,) = PROGRAM.findall((DOCS / page).read_text(encoding="utf-8"))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(told)
