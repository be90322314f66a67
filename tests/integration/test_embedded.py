"""The embedded database ends with the last living process that uses it."""

import json
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from bursar.storage.embedded import EmbeddedPostgres


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_server_stops_with_its_last_user_although_another_was_killed() -> None:
    killed = subprocess.Popen(["sleep", "60"])
    killed.kill()
    killed.wait()
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres.start(Path(folder) / "postgres")
        url = server.url()
        users = Path(folder) / "postgres" / ".handle_pids.json"
        users.write_text(json.dumps([killed.pid, *json.loads(users.read_text())]))
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.stop()
        assert not (Path(folder) / "postgres" / "postmaster.pid").exists()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
