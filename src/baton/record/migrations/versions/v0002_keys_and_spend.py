"""Keys, their audit log, and what each account spends per day."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DAY_S = 86_400
FILL_SPEND = f"""
INSERT INTO spend
SELECT account, CAST(at AS BIGINT) / {DAY_S}, replica, COUNT(*), SUM(input_tokens), SUM(output_tokens), SUM(cost)
FROM (
    SELECT 'house' AS account, at, replica, input_tokens, output_tokens, cost FROM requests
    UNION ALL SELECT 'key:' || key, at, replica, input_tokens, output_tokens, cost FROM requests
) AS booked GROUP BY 1, 2, 3
"""


def upgrade() -> None:
    op.add_column("requests", sa.Column("accounts", sa.Text, nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "spend",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("replica", sa.Text, primary_key=True),
        *[
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("requests", "input_tokens", "output_tokens", "cost")
        ],
        sqlite_with_rowid=False,
    )
    op.execute(FILL_SPEND)
    op.create_table(
        "keys",
        sa.Column("name", sa.Text, primary_key=True),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("digest", "hint", "terms")],
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
    )
    op.create_index("ix_keys_digest", "keys", ["digest"], unique=True)
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("actor", "action", "subject", "detail")],
    )
