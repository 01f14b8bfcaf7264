"""Values of a LiteLLM config, as a baton.yaml writes them."""

import re
from typing import Any

REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


class NotCarried(Exception):
    """The text says why."""


def variable_in(text: Any) -> str | None:
    """The variable of `os.environ/NAME`."""
    found = REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else None


def written(value: Any) -> str | None:
    """None when nothing usable is given."""
    if variable := variable_in(value):
        return f"${{{variable}}}"
    return str(value) if value not in (None, "") and isinstance(value, str | int) else None
