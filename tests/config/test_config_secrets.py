"""A key is never shown: not in a problem, not in a repr, not in a note, wherever it was written and whatever is wrong."""

import pickle
import traceback

import pytest

from baton.config.environment import config_from_environment
from baton.config.litellm import import_litellm
from baton.config.load import parse_config
from baton.types.errors import BatonError, ConfigError
from baton.types.secret import Secret

from .texts import DAY, FLEET, parsed

CANARY = "sk-canary-0123456789abcdef"

WRONG = [
    "providers: {openai: {api_key: CANARY}}\nmodels: [openai/gpt-6-luna]\nextra: 1",
    "providers: {openai: {api_kye: CANARY}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {api_key: [CANARY]}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {api_key: {a: CANARY}}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {api_key: 'CANARY '}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {auth: CANARY}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {base_url: 'https://u:CANARY@h'}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {base_url: CANARY}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {base_url: 'https://h:CANARY/'}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {headers: {x-key: CANARY}}}\nmodels: [openai/gpt-6-luna]",
    "providers: {openai: {api_key: *CANARY}}",
    "providers: {openai: {api_key: &CANARY}}",
    "providers: {openai: {api_key: !CANARY x}}",
    "providers: {openai: {api_key: @CANARY}}",
    "providers: {openai: {api_key: `CANARY}}",
    "providers: {openai: {api_key: 'CANARY}}",
    "providers:\n  openai:\n    api_key: CANARY: x",
    "providers:\n  openai:\n\t api_key: CANARY",
    "providers:\n  openai:\n   api_key: CANARY\n  api_key: CANARY\n api_key: CANARY",
    "providers:\n  openai:\n    api_key: CANARY\n    api_key: CANARY\nmodels: [openai/gpt-6-luna]",
    "models: [openai/gpt-6-luna]\nserver: {keys: [{name: a, key: 'CANARY x'}]}",
    "models: [openai/gpt-6-luna]\nserver: {keys: [{name: a, key: 'sha256:CANARY'}]}",
    "models: [openai/gpt-6-luna]\nserver: {keys: [{name: a, key: CANARY}, {name: b, key: CANARY}]}",
    "models: [openai/gpt-6-luna]\nserver: {keys: CANARY}",
    "models: [openai/gpt-6-luna]\nserver: {keys: [CANARY]}",
    "models: [openai/gpt-6-luna]\nserver: {port: CANARY}",
    "models: [CANARY]",
    "models: CANARY",
    "CANARY",
    "CANARY: 1\nmodels: [openai/gpt-6-luna]",
    "models: [{id: a/b, base_url: 'https://h', api_key: CANARY}]",
    "models: [openai/gpt-6-luna]\naliases: {CANARY: x}",
    "models: [openai/gpt-6-luna]\nroutes: [{name: a, key: [CANARY]}]",
]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("from_environment", [False, True])
def test_no_problem_shows_a_key(text: str, *, from_environment: bool) -> None:
    written = text.replace("CANARY", "${MY_KEY}" if from_environment else CANARY)
    with pytest.raises(ConfigError) as caught:
        parse_config(written, {"MY_KEY": CANARY}, day=DAY)
    told = [*caught.value.problems, str(caught.value), repr(caught.value)]
    assert not any(CANARY in one or "canary" in one for one in told), told


def test_no_problem_shows_a_key_of_the_environment_that_is_wrong() -> None:
    for env in ({"OPENAI_API_KEY": f"{CANARY}\n"}, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"http://x:{CANARY}@h"}):
        with pytest.raises(ConfigError) as caught:
            config_from_environment(env, day=DAY)
        assert "canary" not in str(caught.value)
        assert "OPENAI_" in str(caught.value)


def test_no_repr_shows_a_key() -> None:
    config = parsed(
        "providers: {openai: {api_key: ${K}}}\n"
        "models: [openai/gpt-6-luna, {id: a/b, base_url: 'https://h', api_key: ${K}, tier: mid, context_window: 9,"
        " price: {input_usd: 1, output_usd: 1}}]\n"
        f"server: {{keys: [{{name: a, key: ${{K}}}}, {{name: b, key: {CANARY}2}}]}}\n",
        {"K": CANARY},
    )
    assert "canary" not in repr(config)
    assert config.snapshot.providers["openai"].api_key == Secret(CANARY)
    with pytest.raises(TypeError):
        pickle.dumps(config)


def test_callers_keys_are_forgotten_once_they_are_hashed() -> None:
    hashed = "sha256:" + "AB" * 32
    config = parsed(FLEET + f"server: {{keys: [{{name: a, key: {CANARY}}}, {{name: b, key: '{hashed}'}}]}}")
    first, second = (key.key.reveal() for key in config.server.keys)
    assert first.startswith("sha256:")
    assert CANARY not in first
    assert second == hashed.lower()


def test_the_importer_copies_no_key() -> None:
    made = import_litellm(
        "model_list:\n"
        f"  - {{model_name: a, litellm_params: {{model: openai/gpt-4o, api_key: {CANARY}, organization: {CANARY}}}}}\n"
        f"  - {{model_name: {CANARY}, litellm_params: {{model: openai/gpt-4o, api_base: 'https://u:{CANARY}@h'}}}}\n"
        f"  - {{model_name: c, litellm_params: {{model: '{CANARY}'}}}}\n"
        f"general_settings: {{master_key: {CANARY}, database_url: 'postgres://u:{CANARY}@h'}}\n"
        f"environment_variables: {{X: {CANARY}}}\n",
        day=DAY,
    )
    assert "canary" not in made.text + "".join(made.notes)


def test_a_secret_in_a_traceback_stays_one() -> None:
    with pytest.raises(BatonError) as raised:
        parse_config(FLEET + f"server: {{keys: [{{name: a, key: {CANARY}}}], port: x}}", {})
    assert "canary" not in "".join(traceback.format_exception(raised.value))
