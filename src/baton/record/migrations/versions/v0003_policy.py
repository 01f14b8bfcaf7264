"""What watching the models writes: its state, every change of it, orders by hand, comparisons."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "policy_state",
        sa.Column("name", sa.Text, primary_key=True),
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in ("token", "version")],
        sa.Column("at", sa.Double, nullable=False),
        *_words("demotions", "body"),
    )
    op.create_table(
        "policy_log",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *_words("task_type", "model", "before", "after", "reason", "detail"),
    )
    op.create_table(
        "policy_orders",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *_words("actor", "action", "task_type", "model"),
    )
    op.create_table(
        "comparisons",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *_words("task_type", "reference", "served"),
        *[sa.Column(name, sa.Double, nullable=False) for name in ("model_grade", "reference_grade", "rate")],
        *_words("grader"),
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in ("cost", "model_cost", "reference_cost")],
    )
