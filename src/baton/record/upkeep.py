"""The slow thread of a ledger: deletes what is older than the config lets it be, in the file and in PostgreSQL.

Once a minute what is due; when it starts, and then once a day, a pass over everything. A place that cannot be reached
is tried again a minute later.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from baton.record.database import Place
from baton.record.deletion import Deleting
from baton.record.retention import Bounds, sweep
from baton.types.errors import LedgerError
from baton.types.sample import Sample

DAY_S = 86_400.0
FIRST_S, EVERY_S = 5.0, 60.0
WHOLE_EVERY_S = DAY_S
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
        self._errors: dict[Place, str] = {}
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
            try:
                self._tidy(place)
            except LedgerError as error:
                if self._errors.get(place.place) != str(error):
                    log.warning("what is old could not be deleted, it is tried again: %s", error)
                self._errors[place.place] = str(error)
            else:
                self._errors.pop(place.place, None)
        for one in self._also:
            one()

    def samples(self) -> list[Sample]:
        told = "Deleted because of their age, in the file and in PostgreSQL."
        return [
            Sample("baton_retention_deleted", "counter", told, (("what", "requests"),), self._requests),
            Sample("baton_retention_deleted", "counter", told, (("what", "contents"),), self._contents),
            Sample(
                "baton_retention_failing", "gauge", "1 while what is old cannot be deleted.", (), bool(self._errors)
            ),
        ]

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
        if place.remote:
            place.close()

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
        for place in self._places:
            place.close()
