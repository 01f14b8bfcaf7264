"""The built-in providers and cards of `catalogue.yaml`, read with the same reader and checks as a user's file."""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from baton.config.checks import Count, ModelName, Name, Url
from baton.config.problems import Problems
from baton.config.read import read_as
from baton.config.tree import read_tree
from baton.config.variables import Variables
from baton.types.card import PLAIN_KIND, AuthStyle, Capability, Dialect, Tier


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
    kind: str = PLAIN_KIND
    options: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    """Options of its kind -> environment variables that hold them; some stand in its address as `{name}`."""
    option_defaults: dict[Name, str] = field(default_factory=dict)
    switch_variables: tuple[str, ...] = ()
    """Set to anything but 0 or false, they say that it is wanted, where it needs no key."""
    models_of: Name | None = None
    """It serves the models of that provider, under their names."""
    named_only: bool = False
    """What it has was given its name by the user: wildcards do not cover it."""


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

    def local_models(self, provider: str) -> list[str]:
        """Ids of what a local server may have; none for a hosted one."""
        return [model for model in self.cards if self.is_local(provider) and model.partition("/")[0] == provider]

    def with_hosted(self) -> "Catalogue":
        """With the cards of those that serve the models of another provider, after all others."""
        cards = dict(self.cards)
        for name, provider in self.providers.items():
            for model, card in self.cards.items() if provider.models_of else ():
                owner, _, upstream = model.partition("/")
                if owner == provider.models_of:
                    older = card.older or provider.named_only
                    cards.setdefault(f"{name}/{upstream}", replace(card, older=older))
        return replace(self, cards=cards)

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
    return found.with_hosted()
