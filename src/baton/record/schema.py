"""The tables, once, for every database. Money in integer nano-dollars, times in Unix seconds, durations in seconds.

Rows that another database may collect are keyed (sequence, replica): a replica never gives a number twice, so a row
that is sent twice is known again. `sequence` stands first because rows are read newest first.
`tasks`, `rollups` and `spend` are sums over `requests`, written in the transaction of the rows that they sum.
`keys` and `audit` belong to all who share the database: they are written by hand, a few rows at a time. So do the next
four, which the one process writes that watches the models, and `runs` and `steps`, the journal of orchestrated runs:
any replica can show a run, or resume it.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text, text

HEAD = "0004"
"""The newest migration. A ledger that carries it is opened without importing Alembic."""

metadata = MetaData()


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _seconds(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


def _word(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _row_key() -> tuple[Column[int], Column[str]]:
    return (
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("replica", Text, primary_key=True),
    )  # fmt: skip


def _tokens() -> tuple[Column[int], ...]:
    """The five fields of `Usage`, in its order."""
    return tuple(_count(f"{kind}_tokens") for kind in ("input", "output", "cache_read", "cache_write", "reasoning"))


replicas = Table(
    "replicas",
    metadata,
    Column("replica", Text, primary_key=True),
    _count("next_sequence"),
    _count("dropped_requests"),  # records that never reached a table: the queue was full, or they could not be written
    _count("dropped_grades"),
    _count("dropped_contents"),
)

requests = Table(
    "requests",
    metadata,
    *_row_key(),
    _word("request_id"),
    _word("task_id"),
    _seconds("at"),
    _word("dialect"),
    _word("key"),
    Column("status", Integer, nullable=False),
    _word("ending"),
    _word("error"),
    Column("stream", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    _seconds("duration_s"),
    _seconds("overhead_s"),
    *_tokens(),
    _count("cost"),
    _count("baseline_cost"),
    _word("decision_id"),  # empty: refused before anything was decided; so are the next four then
    _word("route"),
    _word("task_type"),
    _word("model"),  # the model asked last; the decided one where none was asked
    _word("provider"),
    Column("lead_rank", Integer, nullable=False),  # rows.lead_rank: which request speaks for its task
    _count("faults"),  # attempts that failed
    Column("grade", Double),  # the newest grade by its own time, and that time
    Column("graded_at", Double),
    Column("accounts", Text, nullable=False, server_default=text("'[]'")),  # JSON array: who the cost is booked to
    Index("ix_requests_request_id", "request_id"),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    *_row_key(),
    Column("number", Integer, primary_key=True, autoincrement=False),  # 0 is the first
    _seconds("at"),  # arrival of the request: attempts carry durations only
    _word("model"),
    _word("provider"),
    Column("status", Integer, nullable=False),
    _word("fault"),
    _seconds("duration_s"),
    _seconds("first_byte_s"),
    *_tokens(),
    Column("usage_known", Boolean, nullable=False),
    _count("cost"),
    Index("ix_attempts_faults", "at", sqlite_where=text("fault <> ''"), postgresql_where=text("fault <> ''")),
    sqlite_with_rowid=False,
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),  # one row for all requests that share the decision
    _seconds("at"),
    _word("body"),  # JSON of types.decision.Decision
)

grades = Table(
    "grades",
    metadata,
    *_row_key(),
    _word("request_id"),
    Column("score", Double, nullable=False),
    _word("grader"),
    _word("reason"),
    _seconds("at"),
    Column("pending", Boolean, nullable=False),  # no request of that id has been written yet
    Index("ix_grades_request_id", "request_id"),
    Index(
        "ix_grades_pending",
        "request_id",
        sqlite_where=text("pending"),
        postgresql_where=text("pending"),
    ),
)

contents = Table(
    "contents",
    metadata,
    *_row_key(),
    _word("request_id"),
    _seconds("at"),
    Column("request", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("ix_contents_request_id", "request_id"),
    Index("ix_contents_at", "at"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", Text, primary_key=True),
    _seconds("first_at"),
    _seconds("last_at"),
    _count("requests"),
    _count("simulated"),  # how many of the requests were answered by a simulation
    *_tokens(),
    _count("cost"),
    _count("baseline_cost"),
    Column("several_models", Boolean, nullable=False),  # more than one model answered
    Column("lead_rank", Integer, nullable=False),
    _seconds("lead_at"),
    _word("route"),  # route, task_type and model are those of the leading request
    _word("task_type"),
    _word("model"),
    Column("grade", Double),  # the newest grade of any of its requests, by the grade's own time
    Column("graded_at", Double),
    Column("grader", Text),
    Index("ix_tasks_last_at", "last_at"),
    sqlite_with_rowid=False,
)

rollups = Table(
    "rollups",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),  # Unix seconds of its start
    Column("route", Text, primary_key=True),
    Column("task_type", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("replica", Text, primary_key=True),
    _count("requests"),
    _count("ok"),
    _count("rejected"),
    _count("faults"),
    _count("simulated"),
    *_tokens(),
    _count("cost"),
    _count("baseline_cost"),
    _seconds("duration_s"),
    _count("graded"),  # requests with a grade; a newer grade replaces the older one in the sum
    Column("grade_sum", Double, nullable=False),
    sqlite_with_rowid=False,
)

spend = Table(
    "spend",
    metadata,
    Column("account", Text, primary_key=True),  # `house`, `team:NAME`, `key:NAME`, `user:NAME`, `tag:NAME`, ...
    Column("day", BigInteger, primary_key=True, autoincrement=False),  # days since 1970 (UTC) of the requests' arrival
    Column("replica", Text, primary_key=True),
    _count("requests"),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("cost"),
    sqlite_with_rowid=False,
)

keys = Table(
    "keys",
    metadata,
    Column("name", Text, primary_key=True),  # never given again: figures of the past are kept under it
    _word("digest"),  # SHA-256 of the key in hex digits
    _word("hint"),  # how the key begins
    _word("terms"),  # JSON of what it may do
    _seconds("created_at"),
    Column("revoked_at", Double),
    Index("ix_keys_digest", "digest", unique=True),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True),
    _seconds("at"),
    _word("actor"),
    _word("action"),
    _word("subject"),
    _word("detail"),  # JSON
)

policy_state = Table(
    "policy_state",
    metadata,
    Column("name", Text, primary_key=True),
    _count("token"),  # of the leader that wrote it: an older one may not write any more
    _count("version"),  # grows with every write
    _seconds("at"),
    _word("demotions"),  # JSON array of types.demotion.Demotion: what every replica serves by
    _word("body"),  # JSON of all that the loop remembers
)

policy_log = Table(
    "policy_log",
    metadata,
    Column("number", Integer, primary_key=True),
    _seconds("at"),
    *[_word(name) for name in ("task_type", "model", "before", "after", "reason")],
    _word("detail"),  # JSON
)

policy_orders = Table(
    "policy_orders",
    metadata,
    Column("number", Integer, primary_key=True),
    _seconds("at"),
    *[_word(name) for name in ("actor", "action", "task_type", "model")],
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    _seconds("at"),
    *[_word(name) for name in ("task_type", "reference", "served")],
    *[Column(name, Double, nullable=False) for name in ("model_grade", "reference_grade", "rate")],
    _word("grader"),
    *[_count(name) for name in ("cost", "model_cost", "reference_cost")],
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    _word("owner"),  # the name of the key
    _seconds("at"),
    _word("digest"),  # of what was asked
    _word("version"),  # of the code that began it
    _word("request"),  # JSON
    _word("status"),
    _word("result"),  # JSON; empty while it runs
    Column("idempotency", Text),
    Index("ix_runs_at", "at"),
    Index("ix_runs_idempotency", "owner", "idempotency", unique=True),
)

steps = Table(
    "steps",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # what was done: the same key is never written twice
    Column("number", Integer, nullable=False),
    _word("kind"),
    _seconds("at"),
    _seconds("seconds"),
    _count("cost"),
    _word("body"),  # JSON
    sqlite_with_rowid=False,
)
