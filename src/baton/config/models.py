"""Model cards: what the file says, over what is built in, over what the price table lists."""

from datetime import date
from typing import TypeVar

from msgspec.structs import replace

from baton.config.catalogue import BuiltinProvider, Catalogue
from baton.config.checks import RESERVED
from baton.config.names import Names
from baton.config.prices import listed
from baton.config.problems import Problems, joined, nearest
from baton.config.providers import Providers, is_local
from baton.config.shape import ModelEntry, PriceEntry
from baton.types.card import Deployment, EffortArm, ModelCard, Provider
from baton.types.money import Price, price_from_usd
from baton.types.quirks import Quirks

ASSUMED_MAX_OUTPUT = 8192
"""For a card that does not say. A request that asks for more is not sent to it."""

OF_ONE_PLACE = ("base_url", "dialects", "auth", "api_key")

T = TypeVar("T")

HOW_TO_STATE = {
    "tier": "add tier: frontier, mid, small or local",
    "context_window": "add context_window, in tokens of input",
    "price": "genai-prices does not list it: add price: {input_usd: ..., output_usd: ...} per million tokens",
}

FREE = Price(0, 0, source="local")


class Models:
    """Turns the entries of `models` into cards; `day` is the day whose list prices hold."""

    def __init__(self, providers: Providers, known: Catalogue, day: date, problems: Problems) -> None:
        self._providers = providers
        self._known = known
        self._day = day
        self._problems = problems
        self.cards: dict[str, ModelCard] = {}
        """In the order of the file, without those that have problems."""
        self.quirks: dict[str, Quirks] = {}
        """Of those of which the file says something."""
        self.failed: set[str] = set()
        """Ids of those that have problems."""
        self._paths: dict[str, str] = {}

    def add_all(self, entries: tuple[str | ModelEntry | None, ...]) -> None:
        for entry, path in self._wanted(entries):
            card = None
            if not self._problems.inside(path):
                placed = _at_first_deployment(entry)
                provider = self._providers.for_model(placed, path)
                card = self._card(placed, provider, path) if provider is not None else None
                if card is not None and provider is not None and entry.deployments:
                    card = self._deployed(card, entry, provider, path)
            if card is None:
                self.failed.add(entry.id)
            else:
                self.cards[card.id] = card
                self._note_quirks(card.id, entry)
                self._paths[card.id] = path

    def _deployed(self, card: ModelCard, entry: ModelEntry, first: Provider, path: str) -> ModelCard | None:
        """Raises no problem twice: None when one of the deployments has one."""
        problem = ""
        if entry.provider is not None or any(getattr(entry, member) is not None for member in OF_ONE_PLACE):
            problem = "has `deployments`: take out provider, base_url, dialects, auth and api_key, and give them there"
        found: list[Deployment] = []
        for one in entry.deployments:
            provider = self._providers.for_model(ModelEntry(entry.id, provider=one.provider), path)
            if provider is None:
                return None
            if first.dialects[0] not in provider.dialects:
                problem = f"cannot be asked in {first.dialects[0]!r} at {one.provider!r}, as it is at {first.name!r}"
            place = Deployment(provider.name, one.upstream or card.upstream, one.weight, one.max_concurrency or 0)
            if any((place.provider, place.upstream) == (other.provider, other.upstream) for other in found):
                problem = f"is given twice at {one.provider!r} as {place.upstream!r}: keep one, with a higher weight"
            found.append(place)
        if problem:
            self._problems.add(joined(path, "deployments"), f"model {entry.id!r} {problem}")
            return None
        return replace(card, deployments=tuple(found))

    def _note_quirks(self, model: str, entry: ModelEntry) -> None:
        of_provider = self._providers.quirks_of(entry.provider or entry.id.partition("/")[0])
        if entry.quirks is not None or of_provider is not None:
            self.quirks[model] = (entry.quirks or Quirks()).over(of_provider or Quirks())

    def look_up(self, names: Names) -> None:
        """The task types that cards speak of."""
        for card in self.cards.values():
            for task_type in card.specialities:
                names.task_type(task_type, f"{self._paths[card.id]}.specialities")
            for task_type in card.quality:
                names.task_type(task_type, f"{self._paths[card.id]}.quality")
            for step, arm in card.efforts.items():
                for task_type in arm.quality:
                    names.task_type(task_type, f"{self._paths[card.id]}.efforts.{step}.quality")

    def _wanted(self, entries: tuple[str | ModelEntry | None, ...]) -> list[tuple[ModelEntry, str]]:
        """Every model once; what is named outweighs what a wildcard covers."""
        named: dict[str, str] = {}
        wanted: dict[str, tuple[ModelEntry, str]] = {}
        for index, given in enumerate(entries):
            if given is None:
                continue
            path = f"models[{index}]"
            entry = ModelEntry(id=given) if isinstance(given, str) else given
            if isinstance(given, str) and "*" in given:
                for model in self._covered(given, path):
                    wanted.setdefault(model, (ModelEntry(id=model), path))
            elif problem := self._id_problem(entry.id, named):
                self._problems.add(path, problem)
            else:
                named[entry.id] = path
                wanted[entry.id] = (entry, path)
        return list(wanted.values())

    def _covered(self, pattern: str, path: str) -> list[str]:
        found = self._known.matching(pattern)
        provider = pattern.partition("/")[0]
        if not found and self._known.is_local(provider):
            self._problems.add(
                path, f"{pattern!r}: Baton does not ask {provider} what it has loaded: name the models one by one"
            )
        elif not found:
            self._problems.add(
                path, f"{pattern!r} matches no built-in model: {nearest(provider, self._known.providers)}"
            )
        return found

    def _id_problem(self, model: str, named: dict[str, str]) -> str:
        if model in named:
            return f"model {model!r} is given twice, first as {named[model]}: keep one"
        if model in RESERVED:
            return f"{model!r} is the name by which callers leave the choice to Baton: take another"
        if "*" in model:
            return f"{model!r}: a card is for one model: write the wildcard as an item of its own"
        provider, _, name = model.partition("/")
        if not provider or not name:
            meant = [one for one in self._known.cards if one.partition("/")[2] == model]
            return f"model id {model!r} has no provider: " + (
                f"did you mean {meant[0]!r}?" if meant else f"write it as provider/{name or provider}"
            )
        return ""

    def _card(self, entry: ModelEntry, provider: Provider, path: str) -> ModelCard | None:
        vendor, _, called = entry.id.partition("/")
        name, upstream = entry.provider or vendor, entry.upstream or called
        if entry.deployments and vendor in self._known.providers:
            name, listed_as = vendor, called  # what a model can do and costs does not hang on where it is asked
        else:
            listed_as = upstream
        known = self._known.cards.get(f"{name}/{listed_as}")
        host = self._known.providers.get(name)
        local = self._known.is_local(name)
        tier = entry.tier or (known.tier if known else "local" if local else None)
        window = entry.context_window or (known.context_window if known else host.local_window if host else None)
        price = _stated(entry.price) or (FREE if local or is_local(provider) else None)
        if (price is None or window is None) and host is not None and host.prices is not None:
            # Opened only for what nothing nearer states: loading the table takes a tenth of a second.
            found = listed(host.prices, listed_as, self._day)
            price = price or (found.price if found else None)
            window = window or (found.context_window if found else None)
        if tier is None or window is None or price is None:
            missing = {"tier": tier, "context_window": window, "price": price}
            self._note_missing(entry.id, [member for member, value in missing.items() if value is None], host, path)
            return None
        return ModelCard(
            id=entry.id,
            provider=provider.name,
            upstream=upstream,
            tier=tier,
            context_window=window,
            max_output=entry.max_output or min(known.max_output if known else ASSUMED_MAX_OUTPUT, window),
            price=price,
            capabilities=_or_known(entry.capabilities, known.capabilities if known else frozenset()),
            specialities=_or_known(entry.specialities, known.specialities if known else frozenset()),
            quality=entry.quality,
            efforts={
                name: EffortArm(name, one.output_factor, one.quality) for name, one in entry.efforts.items() if one
            },
        )

    def _note_missing(self, model: str, missing: list[str], host: BuiltinProvider | None, path: str) -> None:
        if host is not None and "tier" in missing:
            self._problems.add(
                path,
                f"model {model!r} is not built in: {nearest(model, self._known.cards)} "
                f"If it is another, give it as a card with {', '.join(('id', *missing))}",
            )
            return
        for member in missing:
            self._problems.add(joined(path, member), f"model {model!r} has no {member}: {HOW_TO_STATE[member]}")


def _at_first_deployment(entry: ModelEntry) -> ModelEntry:
    """What is read of a model's provider is read of that of its first deployment."""
    if not entry.deployments:
        return entry
    first = entry.deployments[0]
    return replace(entry, provider=first.provider, upstream=first.upstream or entry.upstream)


def _stated(price: PriceEntry | None) -> Price | None:
    if price is None:
        return None
    return price_from_usd(price.input_usd, price.output_usd, price.cache_read_usd, price.cache_write_usd)


def _or_known(given: frozenset[T] | None, known: frozenset[T]) -> frozenset[T]:
    return known if given is None else given
