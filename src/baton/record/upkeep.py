"""The slow thread of a ledger: deletes what is too old, and what somebody asked to be deleted, in file and PostgreSQL.

Once a minute what is due; when it starts, and then once a day, a pass over everything. Orders (`erasure.py`) of other
replicas are followed within a minute, and again each hour for what arrived late, until age does the same. A place that
cannot be reached is tried again a minute later.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from baton.record.database import Place
from baton.record.deletion import Deleting
from baton.record.erasure import erase, found, read_orders
from baton.record.retention import Bounds, sweep
from baton.types.errors import LedgerError
from baton.types.sample import Sample

DAY_S = 86_400.0
FIRST_S, EVERY_S = 5.0, 60.0
WHOLE_EVERY_S = DAY_S
AGAIN_EVERY_S = 3_600.0
RECENT_S = 600.0
"""An order so young is followed at each pass: what came before it may still be on its way."""
PAUSE_S = 0.02
"""Between two transactions: several times as long as one of them takes."""
CLOSE_S = 2.0

log = logging.getLogger("baton.ledger")


class Upkeep:
    """`shipped_below` as `Ledger.shipped_below`; `now` gives Unix seconds; `also` is done with each pass."""

    def __init__(
        self,
        path: Path,
        shared: Place | None,
        rows_days: float | None,
        shipped_below: Callable[[], int | None],
        now: Callable[[], float] = time.time,
        also: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`shared` is the PostgreSQL that the file is shipped to, or None. Raises LedgerError without its driver."""
        self.content_days: float | None = None
        """As the config in force has it; None while nobody has said."""
        self._rows_days = rows_days
        self._shipped_below = shipped_below
        self._now = now
        self._also = also
        self._file = Deleting(path)
        self._places = [self._file] if shared is None else [self._file, Deleting(shared)]
        self._whole_at: dict[Place, float] = {}
        self._errors: dict[str, str] = {}
        self._followed = 0
        self._again_at = 0.0
        self._requests = 0
        self._contents = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """A pass that is under way ends after its step, or with the process."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def run(self) -> None:
        """One pass, as the thread makes it."""
        for place in self._places:
            self._attempt(f"what is old in {'PostgreSQL' if place.remote else 'the file'}", partial(self._tidy, place))
        self._attempt("what was asked for", self._follow_orders)
        for place in self._places:
            place.close()
        for one in self._also:
            one()

    def samples(self) -> list[Sample]:
        told = "Deleted because of their age or by order, in the file and in PostgreSQL."
        return [
            Sample("baton_retention_deleted", "counter", told, (("what", "requests"),), self._requests),
            Sample("baton_retention_deleted", "counter", told, (("what", "contents"),), self._contents),
            Sample("baton_retention_failing", "gauge", "1 while something cannot be deleted.", (), bool(self._errors)),
        ]

    def _attempt(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except LedgerError as error:
            if self._errors.get(what) != str(error):
                log.warning("%s could not be deleted, it is tried again: %s", what, error)
            self._errors[what] = str(error)
        else:
            self._errors.pop(what, None)

    def _follow_orders(self) -> None:
        now = self._now()
        again = now - self._again_at >= AGAIN_EVERY_S
        orders = read_orders(self._places[-1], 0.0 if self.content_days is None else now - self.content_days * DAY_S)
        for order in orders:
            if again or order.number > self._followed or now - order.at < RECENT_S:
                for place in self._places:
                    self._contents += erase(place, found(place, order.which, order.at), self._pause)
        if not self._stop.is_set():
            self._followed = max((order.number for order in orders), default=0)
            self._again_at = now if again else self._again_at

    def _tidy(self, place: Deleting) -> None:
        now = self._now()
        whole = place.place not in self._whole_at or now - self._whole_at[place.place] >= WHOLE_EVERY_S
        bounds = self._bounds(place, now)
        deleted = sweep(place, bounds, self._pause, whole=whole)
        self._requests += deleted.requests
        self._contents += deleted.contents
        if whole and bounds.shipped_below != 0 and not self._stop.is_set():
            self._whole_at[place.place] = now
        if place.wants_to_shrink():
            while place.shrink() and not self._pause():
                pass

    def _bounds(self, place: Deleting, now: float) -> Bounds:
        days = self.content_days
        return Bounds(
            contents_before=0.0 if days is None else now - days * DAY_S,
            rows_before=None if self._rows_days is None else now - self._rows_days * DAY_S,
            shipped_below=None if place.remote else self._shipped_below(),
        )

    def _pause(self) -> bool:
        return self._stop.wait(PAUSE_S)

    def _work(self) -> None:
        pause = FIRST_S
        while not self._stop.wait(pause):
            self.run()
            pause = EVERY_S
