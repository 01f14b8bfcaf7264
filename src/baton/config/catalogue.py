"""The built-in providers and cards of `catalogue.yaml`, read with the same reader and checks as a user's file."""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from msgspec import Struct, field

from baton.config.checks import Count, ModelName, Name, Url
from baton.config.problems import Problems
from baton.config.read import read_as
from baton.config.tree import read_tree
from baton.config.variables import Variables
from baton.types.card import AuthStyle, Capability, Dialect, Tier


class BuiltinProvider(Struct, frozen=True):
    """`*_variable(s)` name environment variables. A provider with a `local_window` serves what was loaded into it."""

    base_url: Url
    dialects: tuple[Dialect, ...]
    auth: AuthStyle = "bearer"
    base_url_variable: str | None = None
    key_variables: tuple[str, ...] = ()
    bearer_variable: str | None = None
    """Holds a token that goes as `Authorization: Bearer` where the key would go otherwise."""
    prices: str | None = None
    """Its name in genai-prices."""
    local_window: Count | None = None
    """Tokens of input that such a server takes when nobody said otherwise."""


class BuiltinCard(Struct, frozen=True):
    tier: Tier
    context_window: Count
    max_output: Count
    capabilities: frozenset[Capability] = frozenset()
    specialities: frozenset[str] = frozenset()
    older: bool = False
    """Superseded by its vendor: served when it is named, not covered by wildcards."""


class Catalogue(Struct, frozen=True):
    providers: dict[Name, BuiltinProvider]
    cards: dict[ModelName, BuiltinCard] = field(default_factory=dict)

    def matching(self, pattern: str) -> list[str]:
        """Ids of current hosted models; a local server only has what was loaded into it, so its models are named."""
        return [
            model
            for model, card in self.cards.items()
            if fnmatchcase(model, pattern) and not card.older and not self.is_local(model.partition("/")[0])
        ]

    def is_local(self, provider: str) -> bool:
        known = self.providers.get(provider)
        return known is not None and known.local_window is not None


@cache
def catalogue() -> Catalogue:
    """Raises ConfigError when the file that comes with Baton is damaged."""
    problems = Problems("catalogue.yaml")
    variables = Variables({})
    text = Path(__file__).with_name("catalogue.yaml").read_text(encoding="utf-8")
    found = read_as(Catalogue, read_tree(text, variables, problems), variables, problems)
    problems.raise_if_any()
    return found
