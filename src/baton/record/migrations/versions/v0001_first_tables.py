"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def upgrade() -> None:
    _replicas()
    _requests()
    _attempts()
    _decisions_grades_contents()
    _tasks()
    _rollups()


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _seconds(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double, nullable=False) for name in names]


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _row_key() -> tuple[sa.Column[int], sa.Column[str]]:
    return (
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("replica", sa.Text, primary_key=True),
    )  # fmt: skip


def _replicas() -> None:
    op.create_table(
        "replicas",
        sa.Column("replica", sa.Text, primary_key=True),
        *_counts("next_sequence", "dropped_requests", "dropped_grades", "dropped_contents"),
    )


def _requests() -> None:
    op.create_table(
        "requests",
        *_row_key(),
        *_words("request_id", "task_id"),
        *_seconds("at"),
        *_words("dialect", "key"),
        sa.Column("status", sa.Integer, nullable=False),
        *_words("ending", "error"),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        *_seconds("duration_s", "overhead_s"),
        *_counts(*TOKENS, "cost", "baseline_cost"),
        *_words("decision_id", "route", "task_type", "model", "provider"),
        sa.Column("lead_rank", sa.Integer, nullable=False),
        *_counts("faults"),
        sa.Column("grade", sa.Double),
        sa.Column("graded_at", sa.Double),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_requests_request_id", "requests", ["request_id"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        *_row_key(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *_seconds("at"),
        *_words("model", "provider"),
        sa.Column("status", sa.Integer, nullable=False),
        *_words("fault"),
        *_seconds("duration_s", "first_byte_s"),
        *_counts(*TOKENS),
        sa.Column("usage_known", sa.Boolean, nullable=False),
        *_counts("cost"),
        sqlite_with_rowid=False,
    )
    failed = sa.text("fault <> ''")
    op.create_index("ix_attempts_faults", "attempts", ["at"], sqlite_where=failed, postgresql_where=failed)


def _decisions_grades_contents() -> None:
    op.create_table("decisions", sa.Column("id", sa.Text, primary_key=True), *_seconds("at"), *_words("body"))
    op.create_table(
        "grades",
        *_row_key(),
        *_words("request_id"),
        *_seconds("score"),
        *_words("grader", "reason"),
        *_seconds("at"),
        sa.Column("pending", sa.Boolean, nullable=False),
    )
    op.create_index("ix_grades_request_id", "grades", ["request_id"])
    pending = sa.text("pending")
    op.create_index("ix_grades_pending", "grades", ["request_id"], sqlite_where=pending, postgresql_where=pending)
    op.create_table(
        "contents",
        *_row_key(),
        *_words("request_id"),
        *_seconds("at"),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_contents_request_id", "contents", ["request_id"])
    op.create_index("ix_contents_at", "contents", ["at"])


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.Text, primary_key=True),
        *_seconds("first_at", "last_at"),
        *_counts("requests", "simulated", *TOKENS, "cost", "baseline_cost"),
        sa.Column("several_models", sa.Boolean, nullable=False),
        sa.Column("lead_rank", sa.Integer, nullable=False),
        *_seconds("lead_at"),
        *_words("route", "task_type", "model"),
        sa.Column("grade", sa.Double),
        sa.Column("graded_at", sa.Double),
        sa.Column("grader", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tasks_last_at", "tasks", ["last_at"])


def _rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        *[sa.Column(name, sa.Text, primary_key=True) for name in ("route", "task_type", "model", "replica")],
        *_counts("requests", "ok", "rejected", "faults", "simulated", *TOKENS, "cost", "baseline_cost"),
        *_seconds("duration_s"),
        *_counts("graded"),
        *_seconds("grade_sum"),
        sqlite_with_rowid=False,
    )
