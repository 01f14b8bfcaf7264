"""Days and months of the UTC calendar as numbers, and when the next ones begin."""

from datetime import UTC, datetime
from functools import lru_cache

DAY_S = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
MONTHS = 12


def day_of(now: float) -> int:
    """Days since 1970."""
    return int(now // DAY_S)


@lru_cache(maxsize=64)
def month_of(day: int) -> int:
    """Months since year 0, of a day since 1970."""
    date = datetime.fromordinal(EPOCH + day)
    return date.year * MONTHS + date.month - 1


def first_day(month: int) -> int:
    year, index = divmod(month, MONTHS)
    return datetime(year, index + 1, 1, tzinfo=UTC).toordinal() - EPOCH


def until_next_day(now: float) -> float:
    return (day_of(now) + 1) * DAY_S - now


def until_next_month(now: float) -> float:
    return first_day(month_of(day_of(now)) + 1) * DAY_S - now
