"""The whole way from text to `Config`: parse, read, look up, and tell everything that is wrong at once."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from baton.config.builtin_classifier import builtin_classifier
from baton.config.catalogue import catalogue
from baton.config.keys import check_routes, check_server, check_spend, check_uses, why_not_workers
from baton.config.learned import LearnedConfig, LearnedError, with_learned
from baton.config.models import Models
from baton.config.names import Names
from baton.config.problems import Problems
from baton.config.proof import ProofConfig, with_certificates
from baton.config.providers import Providers
from baton.config.read import read_as
from baton.config.routing import bare_names, build_routes, build_task_types, resolve_aliases
from baton.config.schema import Config
from baton.config.shape import File
from baton.config.tree import MAX_TEXT_BYTES, read_tree
from baton.config.variables import Variables
from baton.decide.arm import arms_of
from baton.types.decision import PolicySnapshot
from baton.types.errors import ConfigError, ProofError


def load_config(path: Path, env: Mapping[str, str], *, day: date | None = None) -> Config:
    """Raises ConfigError with every problem of the file. `day` is the day whose list prices hold, today if None."""
    return parse_config(read_text(path), env, source=str(path), day=day)


def read_text(path: Path) -> str:
    """Raises ConfigError when there is no readable UTF-8 text."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_TEXT_BYTES + 1)
        if len(raw) > MAX_TEXT_BYTES:
            raise ConfigError([f"{path}: is larger than {MAX_TEXT_BYTES} bytes: this cannot be a config"])
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file: check the path"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror}): name a readable file"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 (byte {error.start}): save it as UTF-8"]) from None


def parse_config(text: str, env: Mapping[str, str], *, source: str = "baton.yaml", day: date | None = None) -> Config:
    """Raises ConfigError with every problem of the text."""
    variables = Variables(env)
    problems = Problems(source, variables.used)
    file = read_as(File, read_tree(text, variables, problems), variables, problems)
    return build_config(file, env, problems, day)


def build_config(file: File, env: Mapping[str, str], problems: Problems, day: date | None = None) -> Config:
    """Raises ConfigError with every problem that was noted so far or is found here."""
    known = catalogue()
    if not file.models and not problems.inside("models"):
        problems.add("models", "is missing: list at least one model, such as openai/* or anthropic/*")
    providers = Providers(file.providers, known, env, file.server.port, problems)
    models = Models(providers, known, day or datetime.now(UTC).date(), problems)
    models.add_all(file.models)
    aliases = resolve_aliases(file.aliases, models.cards, models.failed, problems)
    aliases |= bare_names(models.cards, known, file.aliases)
    names = Names(models.cards, aliases, models.failed, problems)
    names.arms = [arm.name for card in models.cards.values() for arm in arms_of(card) if arm.effort]
    server = check_server(file.server, names, problems)
    task_types = build_task_types(file.task_types, names, problems)
    server = check_uses(server, names)
    models.look_up(names)
    routes = build_routes(file.routes, names, problems)
    check_routes(server, routes, problems)
    spend = check_spend(file.spend, server)
    problems.raise_if_any()
    classifier = builtin_classifier()
    snapshot = PolicySnapshot(models.cards, providers.in_use, task_types, routes, aliases, classifier=classifier)
    snapshot, void = _with_certificates(snapshot, file.proof, problems)
    snapshot, unlearned = _with_learned(snapshot, file.learned, problems)
    config = Config(
        snapshot=snapshot,
        server=server,
        ledger=file.ledger,
        content=file.content,
        handoff=file.handoff,
        state=file.state,
        hooks=file.hooks,
        webhooks=file.webhooks,
        media=file.media,
        spend=spend,
        reliability=file.reliability,
        quirks=models.quirks,
        proof=file.proof,
        learned=file.learned,
        orchestrator=file.orchestrator,
        notes=(*providers.notes, *void, *unlearned),
    )
    if refusal := why_not_workers(config.server.workers, config):
        problems.add("server.workers", refusal)
        problems.raise_if_any()
    return config


def _with_certificates(
    snapshot: PolicySnapshot, proof: ProofConfig, problems: Problems
) -> tuple[PolicySnapshot, list[str]]:
    try:
        return with_certificates(snapshot, proof)
    except ProofError as error:
        problems.add("proof.lock", error.message)
        raise ConfigError(problems.listed()) from error


def _with_learned(
    snapshot: PolicySnapshot, learned: LearnedConfig, problems: Problems
) -> tuple[PolicySnapshot, list[str]]:
    try:
        return with_learned(snapshot, learned)
    except LearnedError as error:
        problems.add("learned.path", error.message)
        raise ConfigError(problems.listed()) from error
