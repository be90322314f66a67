"""Does somebody who follows the change feed see every change?"""

from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from bursar.bootstrap import Platform
from bursar.services.access import LOCAL_TENANT_ID

INSERT = """
    INSERT INTO outbox (tenant_id, type, subject_id, occurred_at, data)
    VALUES (%s, 'transaction.removed', %s, now(), %s)
"""


async def test_feed_waits_for_a_slow_writer_that_will_commit_lower_ids(platform: Platform, database_url: str) -> None:
    await platform.access.ensure_local_user(with_token=False)
    slow_id, quick_id = uuid4(), uuid4()
    with psycopg.connect(database_url) as slow, psycopg.connect(database_url) as quick:
        for writer, subject in ((slow, slow_id), (quick, quick_id)):
            writer.execute("SELECT set_config('app.tenant_id', %s, false)", [str(LOCAL_TENANT_ID)])
            writer.execute(INSERT, [LOCAL_TENANT_ID, subject, Jsonb({"before": {}})])
        quick.commit()
        assert await platform.queries.list_changes(LOCAL_TENANT_ID) == []
        slow.commit()
    told = await platform.queries.list_changes(LOCAL_TENANT_ID)
    assert [change.transaction_id for change in told] == [slow_id, quick_id]
