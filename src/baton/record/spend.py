"""What every account has spent, read from the sums beside the requests' own rows."""

from msgspec import Struct
from sqlalchemy import Connection, and_, case, desc, func, or_, select
from sqlalchemy.sql import ColumnElement

from baton.record.database import Place
from baton.record.queries import opened
from baton.record.schema import spend
from baton.types.spend import Kind, Spent


class SpendLine(Struct, frozen=True):
    """`account` without its kind; `cost` in nano-dollars."""

    account: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost: int


SUMS = [
    func.coalesce(func.sum(column), 0)
    for column in (spend.c.requests, spend.c.input_tokens, spend.c.output_tokens, spend.c.cost)
]


def spend_by(place: Place, kind: Kind, since_day: int = 0, until_day: int | None = None) -> list[SpendLine]:
    """Dearest first; days since 1970, both ends included. Raises LedgerError."""
    prefix = f"{kind}:"
    query = (
        select(spend.c.account, *SUMS)
        .where(spend.c.account.startswith(prefix, autoescape=True), spend.c.day >= since_day)
        .group_by(spend.c.account)
        .order_by(desc(SUMS[-1]), spend.c.account)
    )
    if until_day is not None:
        query = query.where(spend.c.day <= until_day)
    with opened(place) as connection:
        rows = connection.execute(query).all()
    return [SpendLine(account.removeprefix(prefix), *map(int, sums)) for account, *sums in rows]


def spent_of(place: Place, day: int, month_begins: int) -> dict[str, Spent]:
    """By every account that has limits or may get some: all but end users and tags. Raises LedgerError."""
    with opened(place) as connection:
        return _spent(connection, day, month_begins)


def _spent(connection: Connection, day: int, month_begins: int) -> dict[str, Spent]:
    def since(first: int) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((spend.c.day >= first, spend.c.cost), else_=0)), 0)

    account = spend.c.account
    if connection.dialect.name == "sqlite":  # the order of its key, so that end users and tags are not even read
        limitable = or_(account < "tag:", and_(account >= "tag;", account < "user:"), account >= "user;")
    else:
        limitable = ~or_(account.startswith("user:"), account.startswith("tag:"))
    query = (
        select(account, since(day), since(month_begins), func.coalesce(func.sum(spend.c.cost), 0))
        .where(limitable)
        .group_by(account)
    )
    return {name: Spent(int(today), int(month), int(total)) for name, today, month, total in connection.execute(query)}
