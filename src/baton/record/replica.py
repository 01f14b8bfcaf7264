"""What a ledger file is called among those that are shipped to one database: chosen once, then kept in the file."""

import secrets
import socket

from sqlalchemy import Engine

from baton.record.schema import replicas

LOCAL = "local"
"""In a file that is not shipped."""
GAP = 1_000_000
"""Numbers that each start passes over: what a power cut took back may have been shipped, and is not numbered again."""
SUFFIX_BYTES = 4


def claim_name(engine: Engine, wanted: str | None) -> str:
    """The file's name; a new one is `wanted`, else the host's name, and a random end that no other file has.

    Numbers go on from the highest in the file, so that rows from before it was shipped keep a number of their own.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        known = {row.replica: row.next_sequence for row in connection.execute(replicas.select())}
        name = next((one for one in sorted(known) if one != LOCAL), None)
        if name is None:
            name = f"{wanted or socket.gethostname()}-{secrets.token_hex(SUFFIX_BYTES)}"
            connection.exec_driver_sql("INSERT INTO replicas VALUES (?, 1, 0, 0, 0)", (name,))
        next_sequence = max([1, *known.values()]) + GAP
        connection.exec_driver_sql("UPDATE replicas SET next_sequence = ? WHERE replica = ?", (next_sequence, name))
        connection.commit()
    return name
