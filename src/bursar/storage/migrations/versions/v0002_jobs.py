"""The job engine's own tables, in the same database so that a job is enqueued with the rows it is about."""

from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy import text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the job tables and let the application enqueue."""
    connection = op.get_bind()
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    connection.execute(
        text(
            """
            GRANT SELECT, INSERT, UPDATE, DELETE
                ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers
                TO bursar_app;
            GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO bursar_app;
            """
        )
    )
