"""Everything that is wrong with a config, collected with path and line, and told at once.

A problem never shows a value that came from the environment, nor one that looks like a credential.
"""

import difflib
import re
from collections.abc import Collection, Mapping
from typing import NoReturn

from baton.types.errors import ConfigError

MAX_SHOWN_CHARS = 60
MAX_KNOWN = 12
NEAR = 0.6
HIDDEN = "****"
CREDENTIAL = re.compile(
    r"(?<!\w)(?:sk|pk|rk|gsk|hf|ghp|xox[a-z]|xai)[-_][\w-]{6,}|(?<!\w)(?:AIza|AKIA|eyJ)[\w-]{6,}"
    r"|Bearer \S{6,}|sha256:\w{6,}|(?<=://)[^\s/]+(?=@)"
)
"""How the credentials of known vendors look, and what stands before the host of an address."""
MIN_SECRET_CHARS = 6
"""Shorter values of environment variables are not looked for in problems: they are parts of ordinary words."""
PLAIN_STEP = re.compile(r"[\w.:/@*+~<>-]{1,60}")
LAST_STEP = re.compile(r"(?:\.[^.\[\]]+|\[\d+\])$")


class Problems:
    """Collects. `lines` knows on which line of the source each path stands, `used` which texts came from variables."""

    def __init__(self, source: str, used: Mapping[str, str] | None = None) -> None:
        self.source = source
        self._used = {} if used is None else used
        self.lines: dict[str, int] = {}
        self._found: list[tuple[int, str]] = []
        self._paths: list[str] = []

    def add(self, path: str, text: str, line: int = 0) -> None:
        """`path` is written as in `models[0].price.input_usd`; empty for the whole file."""
        line = line or self._line_of(path)
        place = f"{self.source}:{line}" if line else self.source
        told = self._without_secrets(f"{place}: {path}: {text}" if path else f"{place}: {text}")
        self._found.append((line, told))
        self._paths.append(path)

    def stop(self, text: str, line: int = 0) -> NoReturn:
        """For what makes further reading pointless. Raises ConfigError."""
        self.add("", text, line)
        raise ConfigError(self.listed())

    def inside(self, path: str) -> bool:
        """Whether anything is wrong with what stands at this path, so that nothing should be concluded from it."""
        return any(one == path or one.startswith((f"{path}.", f"{path}[")) for one in self._paths)

    def listed(self) -> list[str]:
        return [told for _, told in sorted(self._found, key=lambda one: one[0])]

    def raise_if_any(self) -> None:
        """Raises ConfigError."""
        if self._found:
            raise ConfigError(self.listed())

    def _without_secrets(self, text: str) -> str:
        for value in sorted(self._used, key=len, reverse=True):
            if len(value) >= MIN_SECRET_CHARS:
                text = text.replace(value, f"${{{self._used[value]}}}")
        return scrubbed(text)

    def _line_of(self, path: str) -> int:
        while path and path not in self.lines:
            shorter = LAST_STEP.sub("", path)
            path = shorter if shorter != path else ""
        return self.lines.get(path, 0)


def joined(path: str, name: str) -> str:
    """The path of a member; odd names are quoted, so that nobody's text becomes part of the message."""
    step = name if PLAIN_STEP.fullmatch(name) else shown(name)
    return f"{path}.{step}" if path else step


def shown(text: str) -> str:
    """A value as an error may show it."""
    safe = scrubbed(text)
    return repr(safe if len(safe) <= MAX_SHOWN_CHARS else safe[: MAX_SHOWN_CHARS - 3] + "...")


def scrubbed(text: str) -> str:
    return CREDENTIAL.sub(HIDDEN, text)


def nearest(name: str, known: Collection[str]) -> str:
    """What to say about a name that is not known: the nearest one that is, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=NEAR)
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return "there are none"
    names = sorted(known)
    more = ", ..." if len(names) > MAX_KNOWN else ""
    return f"known are {', '.join(names[:MAX_KNOWN])}{more}"
