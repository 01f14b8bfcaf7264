"""`${NAME}` and `${NAME:-default}` in a config: put aside before YAML is parsed, put back when a value is read.

So a reference may stand anywhere, even where YAML would read its braces as its own, and what an environment variable
holds is never parsed as YAML. `$${NAME}` stands for the text itself.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

REFERENCE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}\n]*))?\}")
TOKEN = re.compile("\ue000(\\d+)\ue001")
"""Two characters of the private use area, which mean nothing to YAML."""


class Expanded(Struct, frozen=True):
    text: str
    missing: tuple[str, ...] = ()
    """Names of variables that are not set and have no default."""


class Variables:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._references: list[re.Match[str]] = []
        self.used: dict[str, str] = {}
        """Values that were filled in, with the names of their variables."""

    def shield(self, text: str) -> str:
        """The text with a token for every reference."""
        return REFERENCE.sub(self._put_aside, TOKEN.sub("", text))

    def written(self, text: str) -> str:
        """A shielded text as it stands in the file: what an error may show."""
        return TOKEN.sub(lambda token: self._reference(token).group(0), text)

    def expand(self, text: str) -> Expanded:
        missing: list[str] = []

        def value(token: re.Match[str]) -> str:
            reference = self._reference(token)
            escaped, name, default = reference.groups()
            if escaped:
                return reference.group(0)[1:]
            found = self._env.get(name)
            if found is None or (not found and default is not None):
                if default is None:
                    missing.append(name)
                return default or ""
            self.used[found] = name
            return found

        return Expanded(TOKEN.sub(value, text), tuple(missing))

    def _put_aside(self, reference: re.Match[str]) -> str:
        self._references.append(reference)
        return f"\ue000{len(self._references) - 1}\ue001"

    def _reference(self, token: re.Match[str]) -> re.Match[str]:
        return self._references[int(token.group(1))]
