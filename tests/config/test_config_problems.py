"""What is wrong is told with its path, its value and what to do; all of it at once."""

import re

import pytest

from .texts import FLEET, only_problem_of, parsed, problems_of

MODEL = "{id: sim/x, tier: mid, context_window: 8000, price: {input_usd: 1, output_usd: 2}"


def with_model(more: str) -> str:
    return FLEET + f"  - {MODEL}, {more}}}\n"


def test_everything_is_told_at_once_in_the_order_of_the_file() -> None:
    problems = problems_of("""\
version: 1
providers:
  sim: {base_url: http://127.0.0.1:9000/v1, auth: none, simulatd: true}
  far: {base_url: https://far.example/v1}
models:
  - {id: acme/a, base_url: https://acme.example, auth: none, tier: mid, context_window: 8000}
  - {id: acme/b, base_url: https://acme.example, auth: none, tier: middle, context_window: 8000}
  - {id: far/c, tier: mid, context_window: 8000, price: {input_usd: -1, output_usd: 2}}
  - openai/gpt-6-lunar
  - nowhere/*
aliases: {fast: acme/nothing}
task_types:
  extraction: {floor: 1.5, reference: acme/aa, ladder: [acme/a, ghost/model]}
routes:
  - {name: one, task_type: [extractoin]}
  - {name: one, key: [bob]}
server: {port: 99999, keys: [{name: k, key: "${NOT_SET}"}]}
content: {mode: sometimes}
extra: 1
""")
    lines = [int(match[1]) for problem in problems if (match := re.match(r"baton\.yaml:(\d+): ", problem))]
    assert len(lines) == len(problems)
    assert lines == sorted(lines)
    expected = [
        r":3: providers\.sim\.simulatd: unknown key 'simulatd': did you mean 'simulated'\?",
        r":6: models\[0\]\.price: model 'acme/a' has no price: .*add price: \{input_usd: \.\.\., output_usd: \.\.\.\}",
        r":7: models\[1\]\.tier: 'middle' is not a choice here: did you mean 'mid'\?",
        r":8: models\[2\]\.price\.input_usd: must be at least 0 and at most 1000000, not '-1'",
        r":9: models\[3\]: model 'openai/gpt-6-lunar' is not built in: did you mean 'openai/gpt-6-luna'\?",
        r":10: models\[4\]: 'nowhere/\*' matches no built-in model",
        r":11: aliases\.fast: model 'acme/nothing' is not in this config: known are",
        r":13: task_types\.extraction\.floor: must be at least 0 and at most 1, not '1.5'",
        r":13: task_types\.extraction\.reference: model 'acme/aa' is not in this config: did you mean 'acme/a'\?",
        r":13: task_types\.extraction\.ladder\[1\]: model 'ghost/model' is not in this config",
        r":15: routes\[0\]\.task_type\[0\]: task type 'extractoin' is not in this config: did you mean 'extraction'\?",
        r":16: routes\[1\]: route 'one' is given twice, first as routes\[0\]: rename one",
        r":17: server\.port: must be at least 0 and at most 65535, not '99999'",
        r":17: server\.keys\[0\]\.key: environment variable 'NOT_SET' is not set: export it",
        r":18: content\.mode: 'sometimes' is not a choice here: known are full, off, sampled",
        r":19: extra: unknown key 'extra'",
    ]
    for pattern in expected:
        assert any(re.search(pattern, problem) for problem in problems), (pattern, problems)
    assert len(problems) == len(expected), problems


def test_a_model_with_a_problem_makes_no_second_one_where_it_is_used() -> None:
    text = FLEET + "  - {id: sim/bad, tier: wrong, context_window: 1, price: {input_usd: 1, output_usd: 1}}\n"
    text += "aliases: {b: sim/bad}\ntask_types: {code: {reference: sim/bad, ladder: [b], rule: sim/bad}}\n"
    text += "routes: [{name: r, model: [sim/bad], models: ['sim/b*']}]\n"
    assert "models[2].tier" in only_problem_of(text)


def test_a_provider_with_a_problem_makes_no_second_one_for_its_models() -> None:
    text = "providers: {far: {base_url: ftp://far, api_key: k}}\nmodels:\n"
    text += "".join(
        f"  - {{id: far/{n}, tier: mid, context_window: 9, price: {{input_usd: 1, output_usd: 1}}}}\n" for n in "abc"
    )
    assert "providers.far.base_url: 'ftp://far' is not an address" in only_problem_of(text)


def test_a_missing_key_is_told_once_for_all_models_of_a_provider() -> None:
    problem = only_problem_of("models: [openai/*]", env={})
    assert "provider 'openai' has no key: set OPENAI_API_KEY" in problem


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("prise: 1", "models[2].prise: unknown key 'prise': did you mean 'price'?"),
        ("max_output: many", "models[2].max_output: must be a whole number, not 'many'"),
        ("max_output: 1.5", "models[2].max_output: must be a whole number, not '1.5'"),
        ("max_output: true", "models[2].max_output: must be a whole number, not 'true'"),
        ("max_output: .inf", "must be a whole number"),
        ("max_output: 0", "must be at least 1"),
        ("max_output: [1]", "models[2].max_output: must be a whole number, not a list"),
        ("capabilities: tools", "must be a list ('- item' lines or [a, b]), not 'tools'"),
        ("capabilities: [tool]", "models[2].capabilities[0]: 'tool' is not a choice here: did you mean 'tools'?"),
        ("capabilities: [~]", "models[2].capabilities[0]: is empty"),
        ("quality: {code: 1.1}", "models[2].quality.code: must be at least 0 and at most 1, not '1.1'"),
        ("quality: {code: .nan}", "models[2].quality.code: must be a number, not '.nan'"),
        ("quality: {coding: 0.5}", "task type 'coding' is not in this config"),
        ("quality: [0.5]", "models[2].quality: must be a mapping"),
        ("specialities: [codes]", "task type 'codes' is not in this config: did you mean 'code'?"),
        ("upstream: 4", "models[2].upstream: must be a text, not '4': put it in quotes"),
        ("upstream: ''", "models[2].upstream: is empty"),
        ("upstream: {a: b}", "models[2].upstream: must be a text, not a mapping"),
        ("auth: basic", "'basic' is not a choice here: known are api-key, bearer, google, none"),
        ("dialects: []", "models[2].dialects: is an empty list: name at least one"),
        ("dialects: [open-ai]", "models[2].dialects[0]: 'open-ai' is not a choice here"),
        ("base_url: 'http://user:hunter2@h'", "holds a credential"),
        ("base_url: 'https://h/v1?key=1'", "has a query or a fragment"),
        ("base_url: 'https://h:port/'", "is not an address"),
        ("base_url: 'http://127.0.0.1:4141/v1'", "is where Baton itself listens"),
        ("provider: nobody", "provider 'nobody' is not known"),
    ],
)
def test_what_is_wrong_with_a_model(more: str, said: str) -> None:
    assert said in only_problem_of(with_model(more))


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("unknown", "models[0].price: must be a mapping ('key: value' lines), not 'unknown'"),
        ("{input_usd: 1}", "models[0].price: 'output_usd' is missing: add it"),
        ("{input_usd: -0.1, output_usd: 1}", "models[0].price.input_usd: must be at least 0"),
        ("{input_usd: .nan, output_usd: 1}", "models[0].price.input_usd: must be a number, not '.nan'"),
        ("{input_usd: .inf, output_usd: 1}", "models[0].price.input_usd: must be a number, not '.inf'"),
        ("{input_usd: 1e999, output_usd: 1}", "models[0].price.input_usd: must be a number"),
        ("{input_usd: free, output_usd: 1}", "models[0].price.input_usd: must be a number, not 'free'"),
        ("{input_usd: 1, output_usd: 1, per: token}", "models[0].price.per: unknown key 'per'"),
    ],
)
def test_what_is_wrong_with_a_price(price: str, said: str) -> None:
    text = f"models: [{{id: a/b, base_url: 'https://h', auth: none, tier: mid, context_window: 9, price: {price}}}]"
    assert said in only_problem_of(text)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("[]", "models: is missing: list at least one model"),
        ("", "models: is missing"),
        ("openai/*", "models: must be a list"),
        ("[[a]]", "models[0]: must be a text, not a list"),
        ("[~]", "models[0]: is empty"),
        ("[4]", "models[0]: must be a text, not '4'"),
        ("['a b/c']", "models[0]: 'a b/c' is not a name of"),
        ("[{tier: mid}]", "models[0]: 'id' is missing: add it"),
        ("[auto]", "'auto' is the name by which callers leave the choice to Baton"),
        ("[gpt-6-luna]", "model id 'gpt-6-luna' has no provider: did you mean 'openai/gpt-6-luna'?"),
        ("[{id: 'openai/*'}]", "a card is for one model"),
        ("[openai/gpt-6-luna, openai/gpt-6-luna]", "is given twice, first as models[0]: keep one"),
        ("['openia/*']", "'openia/*' matches no built-in model: did you mean 'openai'?"),
        ("['ollama/*']", "name the models one by one"),
        ("[nobody/model]", "provider 'nobody' is not known"),
    ],
)
def test_what_is_wrong_with_the_models(models: str, said: str) -> None:
    assert said in only_problem_of(f"models: {models}")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("version: 2", "version: '2' is not a choice here: known are 1"),
        ("modles: []", "modles: unknown key 'modles': did you mean 'models'?"),
        ("server: {hots: x}", "server.hots: unknown key 'hots': did you mean 'host'?"),
        ("server: [1]", "server: must be a mapping"),
        (
            "server: {host: 0.0.0.0}",
            "server.host: '0.0.0.0' can be reached from other machines and no key is configured",
        ),
        ("server: {host: '::'}", "can be reached from other machines"),
        ("server: {host: gateway.example}", "can be reached from other machines"),
        ("server: {connect_s: 0}", "server.connect_s: must be more than 0"),
        ("server: {port: yes}", "server.port: must be a whole number, not 'yes'"),
        ("server: {keys: [{name: a}]}", "server.keys[0]: 'key' is missing"),
        ("server: {keys: [{name: a, key: ''}]}", "server.keys[0].key: the secret is empty"),
        ("server: {keys: [{name: a, key: 'sha256:abc'}]}", "must have 64 hex digits after 'sha256:'"),
        ("server: {keys: [{name: a, key: 'two words'}]}", "must be printable ASCII without spaces"),
        ("server: {keys: [{name: a, key: k1}, {name: a, key: k2}]}", "name 'a' is given twice"),
        ("server: {keys: [{name: a, key: k1}, {name: b, key: k1}]}", "has the same key as server.keys[0]"),
        ("server: {keys: [{name: anonymous, key: k1}]}", "is the name of callers without a key"),
        ("server: {keys: [{name: a, key: k1, models: [gpt-9]}]}", "server.keys[0].models[0]: model 'gpt-9' is not"),
        ("server: {keys: [{name: a, key: k1, models: ['gpt-*']}]}", "server.keys[0].models[0]: model 'gpt-*' is not"),
        ("server: {keys: [{name: a, key: k1, task_type: cod}]}", "task type 'cod' is not in this config"),
        ("server: {keys: [{name: a, key: k1, floor: 2}]}", "server.keys[0].floor: must be at least 0 and at most 1"),
        ("ledger: {flush_s: -1}", "ledger.flush_s: must be more than 0"),
        ("ledger: {path: ''}", "ledger.path: is empty"),
        ("content: {sample_rate: 2}", "content.sample_rate: must be at least 0 and at most 1, not '2'"),
        ("content: {mode: true}", "content.mode: 'true' is not a choice here"),
        ("aliases: {a: b, b: c, c: a}", "leads back to"),
        ("aliases: {a: a}", "alias 'a' leads back to 'a'"),
        ("aliases: {auto: sim/nano}", "'auto' is already the name of a model"),
        ("aliases: {sim/nano: sim/frontier}", "'sim/nano' is already the name of a model"),
        ("aliases: {a: sim/nanoo}", "model 'sim/nanoo' is not in this config: did you mean 'sim/nano'?"),
        ("aliases: [a]", "aliases: must be a mapping"),
        ("aliases: {a: [b]}", "aliases.a: must be a text, not a list"),
        ("task_types: {code: {rule: cheapst}}", "rule 'cheapst' is not in this config: did you mean 'cheapest'?"),
        ("task_types: {code: {lamda: 1}}", "unknown key 'lamda': did you mean 'lambda'?"),
        ("task_types: {code: {lambda: -1}}", "task_types.code.lambda: must be at least 0"),
        ("task_types: {code: {reference: sim/best}}", "task_types.code.reference: model 'sim/best' is not"),
        ("task_types: {code: {ladder: [auto]}}", "task_types.code.ladder[0]: model 'auto' is not in this config"),
        ("task_types: {code: {output_tokens: 0}}", "task_types.code.output_tokens: must be at least 1"),
        ("task_types: {code: {match: [{}]}}", "task_types.code.match[0]: is empty and would never hold"),
        ("task_types: {code: {match: [{patterns: ['(']}]}}", "match[0].patterns[0]: '(' is not a regular expression"),
        ("task_types: {code: {match: [{patterns: ['(?=a)b']}]}}", "uses look-around"),
        ("task_types: {code: {match: [{patterns: ['(a)\\1']}]}}", "uses a reference to an earlier group"),
        ("task_types: {code: {match: [{patterns: ['(?P<x>a)']}]}}", "uses a named group"),
        ("task_types: {code: {match: [{patterns: ['(a+)+b']}]}}", "uses a repetition of a repetition"),
        ("task_types: {code: {match: [{patterns: ['a*']}]}}", "matches the empty text"),
        ("task_types: {code: {match: [{patterns: ['a(?i)b']}]}}", "is not a regular expression"),
        ("task_types: {code: {match: [{patterns: ['[[a]']}]}}", "is not a regular expression"),
        ("task_types: {code: {match: [{words: ['Two Words']}]}}", "is not one word in lower case"),
        ("task_types: {code: {match: {words: [a]}}}", "task_types.code.match: must be a list"),
        ("task_types: {'a/b': {}}", "task_types.a/b: 'a/b' is not a name of letters, digits and . _ -"),
        ("routes: [{model: [auto]}]", "routes[0]: 'name' is missing: add it"),
        ("routes: [{name: a}, {name: a}]", "route 'a' is given twice"),
        ("routes: [{name: a, model: [gpt-5]}]", "model 'gpt-5' is not in this config"),
        ("routes: [{name: a, models: ['acme/*']}]", "routes[0].models[0]: model 'acme/*' is not in this config"),
        ("routes: [{name: a, key: [bob]}]", "routes[0].key[0]: key 'bob' is not in this config"),
        ("routes: [{name: a, task_type: code}]", "routes[0].task_type: must be a list"),
        ("routes: [{name: a, rule: ghost}]", "routes[0].rule: rule 'ghost' is not in this config"),
        ("routes: [{name: a, strategy: direct}]", "routes[0].strategy: 'direct' is not a choice here"),
        ("routes: [a]", "routes[0]: must be a mapping"),
        ("routes: {a: b}", "routes: must be a list"),
    ],
)
def test_what_is_wrong_with_a_section(section: str, said: str) -> None:
    text = FLEET.replace("version: 1\n", "") if section.startswith("version") else FLEET
    problems = problems_of(f"{text}{section}\n")
    assert said in problems[0], problems
    if "aliases: {a: b, b" not in section:
        assert len(problems) == 1, problems


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("x: {}", ""),
        ("sim: {base_url: localhost:9000}", "providers.sim.base_url: 'localhost:9000' is not an address"),
        ("sim: {headers: {Authorization: Bearer abc}}", "carries a credential: use api_key"),
        ("sim: {headers: {x-api-key: abc}}", "carries a credential: use api_key"),
        ("sim: {headers: {'a b': c}}", "is not the name of a header"),
        ('sim: {headers: {a: "b\\nc"}}', "must be printable ASCII"),
        ("sim: {forward_headers: [Cookie]}", "carries a credential"),
        ("sim: {simulated: perhaps}", "providers.sim.simulated: must be true or false, not 'perhaps'"),
        ("sim: x", "providers.sim: must be a mapping"),
        ("'a/b': {}", "providers.a/b: 'a/b' is not a name of"),
    ],
)
def test_what_is_wrong_with_a_provider(provider: str, said: str) -> None:
    text = f"providers: {{{provider}}}\nmodels: [openai/gpt-6-luna]"
    if said:
        assert said in only_problem_of(text)
    else:
        assert list(parsed(text).snapshot.providers) == ["openai"]


def test_a_provider_that_is_used_needs_an_address_and_a_key() -> None:
    model = "models: [{id: x/a, tier: mid, context_window: 9, price: {input_usd: 1, output_usd: 1}}]"
    assert "provider 'x' has no address: give base_url" in only_problem_of("providers: {x: {}}\n" + model)
    text = "providers: {x: {base_url: 'https://x.example'}}\n" + model
    assert "provider 'x' has no key: give api_key, or auth: none" in only_problem_of(text)


def test_several_missing_facts_of_an_own_model_are_told_each() -> None:
    problems = problems_of("models: [{id: a/b, base_url: 'https://h', auth: none}]")
    assert [problem.split(": ")[1] for problem in problems] == [
        "models[0].tier",
        "models[0].context_window",
        "models[0].price",
    ]


def test_long_values_are_cut_in_problems() -> None:
    problem = only_problem_of(with_model(f"tier: {'x' * 5000}").replace("tier: mid, ", ""))
    assert len(problem) < 300
