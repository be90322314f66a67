"""What a provider has said of accounts that the consent does not cover, and when the user last gave the consent."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; a connection of the time before was last renewed when nobody knows, at the earliest at first."""
    op.execute(
        """
        ALTER TABLE connections ADD COLUMN renewed_at timestamptz, ADD COLUMN accounts_available_at timestamptz;
        COMMENT ON COLUMN connections.renewed_at IS 'when the user last finished to connect or to renew';
        COMMENT ON COLUMN connections.accounts_available_at IS 'when the provider last told of accounts to be added';
        """
    )
