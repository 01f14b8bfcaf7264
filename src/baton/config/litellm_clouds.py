"""Azure, Bedrock and Vertex AI of a LiteLLM config -> an account of `providers`, and the model's name there."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from baton.config.catalogue import catalogue
from baton.config.checks import url_problem
from baton.config.litellm_values import NotCarried, variable_in, written
from baton.config.problems import shown
from baton.config.providers import OPTION
from baton.types.card import Dialect

WAYS = re.compile(
    r"^(?:(?:converse|converse_like|invoke|responses|chat|o_series|gpt5_series)/|[a-z]{2}(?:-[a-z]+)+-\d/)+"
)
"""What LiteLLM lets stand between the provider and the model: the API to use, a region of AWS."""
OF_DEPLOYMENT = re.compile(r"/openai(?:/deployments/.*|/v1)?/?$")
AREA = re.compile(r"^(?:[a-z]+(?:-gov)?\.)(?=anthropic\.)")
"""`us.`, `eu.`, `global.`: where an inference profile of Bedrock runs."""
OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "azure": {"api_version": ("api_version",)},
    "bedrock": {"region": ("aws_region_name",)},
    "vertex_ai": {
        "project": ("vertex_project", "vertex_ai_project"),
        "location": ("vertex_location", "vertex_ai_location"),
    },
}
"""Options of ours -> LiteLLM's names of them."""
CREDENTIALS = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "vertex_credentials": "GOOGLE_APPLICATION_CREDENTIALS",
    "vertex_ai_credentials": "GOOGLE_APPLICATION_CREDENTIALS",
}
"""Where Baton takes them from."""
MEMBERS = {
    *CREDENTIALS,
    "base_model",
    *(name for each in OPTIONS.values() for names in each.values() for name in names),
}


class Cloud(Struct, frozen=True):
    """`account` is what `providers` must say; `listed_as` the name under which prices and abilities are known."""

    provider: str
    upstream: str
    listed_as: str
    account: dict[str, Any]
    dialects: tuple[Dialect, ...] = ()


class Accounts:
    """The entries of `providers`: the first of a cloud bears its built-in name."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}

    def name(self, cloud: Cloud) -> str:
        number = 1
        while True:
            name = cloud.provider if number == 1 else f"{cloud.provider}-{number}"
            wanted = cloud.account if number == 1 else _in_full(cloud)
            if self.entries.setdefault(name, wanted) == wanted:
                return name
            number += 1


def cloud_of(provider: str, model: str, facts: Mapping[str, Any], remarks: list[str]) -> Cloud:
    """`provider` is a key of OPTIONS. Raises NotCarried."""
    region = next((part for part in model.split("/")[:-1] if provider == "bedrock" and "-" in part), None)
    model = WAYS.sub("", model)
    cloud = KINDS[provider](model, facts)
    options = _options(provider, facts)
    if region is not None and not options:
        options = {"region": region}
    account = {**cloud.account, **({"options": options} if options else {}), **_key(cloud.provider, facts, remarks)}
    for theirs, variable in CREDENTIALS.items():
        if facts.get(theirs) and variable_in(facts[theirs]) != variable:
            remarks.append(f"{theirs} is left out: put it into the environment variable {variable}")
    return Cloud(cloud.provider, cloud.upstream, cloud.listed_as, account, cloud.dialects)


def _azure(model: str, facts: Mapping[str, Any]) -> Cloud:
    base = facts.get("base_model")
    listed_as = base.rpartition("/")[2] if isinstance(base, str) and base else model
    address = written(facts.get("api_base") or facts.get("base_url") or "os.environ/AZURE_API_BASE") or ""
    if not address.startswith("${"):
        address = OF_DEPLOYMENT.sub("", address.rstrip("/"))
        if problem := url_problem(address):
            raise NotCarried(f"its api_base {problem}")
    return Cloud("azure", model, listed_as, {"base_url": address})


def _bedrock(model: str, _facts: Mapping[str, Any]) -> Cloud:
    if model.startswith("openai."):
        return Cloud("bedrock", model, model, {}, ("openai-chat",))
    if not AREA.sub("", model).startswith("anthropic.claude"):
        raise NotCarried(
            f"{shown(model)} at bedrock is asked in a way of its own: Baton asks Claude and openai.* there"
        )
    everywhere = f"global.{AREA.sub('', model)}"
    return Cloud("bedrock", model, everywhere if f"bedrock/{everywhere}" in catalogue().cards else model, {})


def _vertex(model: str, _facts: Mapping[str, Any]) -> Cloud:
    if model.startswith("claude"):
        return Cloud("vertex-anthropic", model, model, {})
    if "/" in model:  # publisher/model, behind the OpenAI-compatible door
        return Cloud("vertex", model, model, {}, ("openai-chat",))
    if model.startswith("gemini"):
        return Cloud("vertex", model, model, {})
    raise NotCarried(f"{shown(model)} at vertex_ai is asked in a way of its own, which Baton does not speak")


KINDS: dict[str, Callable[[str, Mapping[str, Any]], Cloud]] = {
    "azure": _azure,
    "bedrock": _bedrock,
    "vertex_ai": _vertex,
}


def _options(provider: str, facts: Mapping[str, Any]) -> dict[str, str]:
    options = {}
    for ours, theirs in OPTIONS[provider].items():
        value = next((text for name in theirs if (text := written(facts.get(name)))), None)
        if value is None:
            continue
        if not value.startswith("${") and not OPTION.fullmatch(value):
            raise NotCarried(f"its {theirs[0]} {shown(value)} is none: use letters, digits and . _ -")
        options[ours] = value
    return options


def _key(provider: str, facts: Mapping[str, Any], remarks: list[str]) -> dict[str, str]:
    """Keys of AWS and Google stand in the environment; a key that is given goes as a bearer token there."""
    if not facts.get("api_key"):
        return {}
    host = catalogue().providers[provider]
    variable = variable_in(facts["api_key"])
    if variable is None:
        variable = (*host.key_variables, host.bearer_variable or "VERTEX_TOKEN")[0]
        remarks.append(f"its key is written into the source: put it into the environment variable {variable}")
    if variable in {*host.key_variables[:1], host.bearer_variable}:
        return {}
    return {"api_key": f"${{{variable}}}", **({} if host.key_variables else {"auth": "bearer"})}


def _in_full(cloud: Cloud) -> dict[str, Any]:
    """What is built in goes with the built-in name alone."""
    host = catalogue().providers[cloud.provider]
    defaults = {name: host.option_defaults.get(name) for name in host.options}
    variables = {
        name: f"${{{host.options[name][0]}{'' if default is None else f':-{default}'}}}"
        for name, default in defaults.items()
        if default is not None or name == "project"
    }
    given = {"kind": host.kind, "base_url": host.base_url, "dialects": list(host.dialects), "auth": host.auth}
    key = {"api_key": f"${{{host.key_variables[-1]}}}"} if host.key_variables else {}
    options = variables | cloud.account.get("options", {})
    return given | key | cloud.account | ({"options": options} if options else {})
