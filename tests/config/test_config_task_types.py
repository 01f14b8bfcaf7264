"""The built-in routing table, and the rules by which requests are recognised."""

import time

import pytest
from msgspec.structs import replace

from baton.config.checks import regex_problem, word_problem
from baton.config.task_types import BUILTIN_TASK_TYPES
from baton.decide.task_type import TaskTypeRules
from baton.types.request import Caller, Facts, Wish
from baton.types.task import Match

RULES = TaskTypeRules(BUILTIN_TASK_TYPES)
WITHOUT_WORDS = TaskTypeRules(
    {
        name: replace(
            one,
            match=tuple(replace(match, words=()) if match.patterns or match.orders else match for match in one.match),
        )
        for name, one in BUILTIN_TASK_TYPES.items()
    }
)
MATCHES = [(name, match) for name, one in BUILTIN_TASK_TYPES.items() for match in one.match]
INVOICE = "Invoice no.: 12\nTotal: 10 EUR. Please pay within 10 days; why wait? How many items: 3."


def kind_of(text: str, rules: TaskTypeRules = RULES, **facts: object) -> str:
    return rules.find(Wish(), Caller(), Facts(user_text=text, **facts)).name  # type: ignore[arg-type]


SAID = [
    ("classification", "Classify this ticket as one of billing, refund, delivery."),
    ("classification", "You see a review. Which category does it belong to? Answer with one of: good, bad."),
    ("classification", "Please label each sentence as subjective or objective."),
    ("classification", "Is this email spam?"),
    ("classification", "In welche Kategorie fällt das Anliegen dieses Tickets?"),
    ("classification", "Dans quelle catégorie la demande de ce ticket tombe-t-elle ?"),
    ("classification", "¿En qué categoría cae la petición de este mensaje?"),
    ("extraction", f"Extract the invoice number and the total.\n\n{INVOICE}"),
    ("extraction", f"Read the document and return a JSON object with the fields number, total.\n{INVOICE}"),
    ("extraction", "Lies das Dokument und gib ein JSON-Objekt mit den Feldern nummer, summe zurück."),
    ("extraction", "Lis le document et renvoie un objet JSON avec les champs numéro, total."),
    ("extraction", "Lee el documento y devuelve un objeto JSON con los campos número, total."),
    ("extraction", f"Extract the total from the text between the fences.\n```\n{INVOICE}\n```"),
    ("format_check", "Does this date match the format YYYY-MM-DD? 2024-13-01"),
    ("format_check", 'Is this valid JSON? {"a": }'),
    ("format_check", "Which rule does the file break? R1. `version` is a number."),
    ("format_check", "Validate the record against the schema below."),
    ("format_check", "Entspricht die Zeile dem Format?"),
    ("format_check", "Quelle règle ce fichier enfreint-il ? Règle enfreinte : une seule."),
    ("format_check", "¿Cumple esta línea el formato?"),
    ("code", "Write a Python function that reverses a list."),
    ("code", "I need a Python function `f(values)`. It returns the largest value."),
    ("code", "Refactor this module so that it is easier to test."),
    ("code", "What does this do?\n```python\nprint(1)\n```"),
    ("code", "Please implement a rate limiter."),
    ("code", "Schreibe eine Funktion, die zwei Listen vergleicht."),
    ("code", "Écris une fonction qui trie une liste."),
    ("code", "Escribe una función que ordene una lista."),
    ("content", "Write an email to our customers about the new shop."),
    ("content", "Draft a blog post on rain."),
    ("content", "Summarise what happened with the order for a colleague."),
    ("content", "Schreibe eine Entschuldigung an eine Kundin."),
    ("content", "Écris pour l'équipe une note sur le déménagement."),
    ("content", "Escribe para el equipo una nota sobre la mudanza."),
    ("analysis", "How many litres are in the tank now? Work it out and end with the number."),
    ("analysis", "Prove that there are infinitely many primes."),
    ("analysis", "Compare SQL and NoSQL databases."),
    ("analysis", "Why is the sky blue?"),
    ("analysis", "Wie viele Kisten sind im Lager? Rechne Schritt für Schritt."),
    ("analysis", "Combien de cartons reste-t-il ? Calcule étape par étape."),
    ("analysis", "¿Cuántos kilómetros recorre? Resuélvelo paso a paso."),
    ("other", "Hello!"),
    ("other", "What is the capital of France?"),
    ("content", "Thank our customers for ten good years."),
    ("other", "Hello! Who painted this? Thank you very much in advance!"),
    ("other", "How many bits are in a byte?"),
    ("other", "What is sentiment analysis?"),
    ("other", "Tell me about the classification of animals and the extraction of oil."),
    ("other", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), SAID)
def test_a_request_is_recognised_by_what_it_says(kind: str, text: str) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(("kind", "text"), SAID)
def test_the_words_only_save_time(kind: str, text: str) -> None:
    assert kind_of(text, WITHOUT_WORDS) == kind


def test_structure_is_a_sign_too() -> None:
    assert kind_of("hello", response_schema=True) == "extraction"
    assert kind_of("Classify this.", response_schema=True) == "classification"
    assert kind_of("hello", tools=("search",), tool_results=True) == "agent"
    assert kind_of("Classify this.", tools=("search",), tool_results=True) == "agent"
    assert kind_of("hello", tools=("search",)) == "other"


@pytest.mark.parametrize(
    "text",
    [
        "Prove that the function is total, and extract the lemma you used.",
        "Write a function to extract email addresses from a text and return JSON.",
        "Create an endpoint that validates input against a JSON schema.",
        "Explain why the classification of whales was hard.",
        "Write a Python script to parse a file in JSON format and extract statistics",
    ],
)
def test_work_for_a_strong_model_is_not_taken_for_work_for_the_cheapest(text: str) -> None:
    cheap = {name for name, one in BUILTIN_TASK_TYPES.items() if one.rule == "cheapest"}
    assert kind_of(text) not in cheap


def test_the_routing_table_is_the_one_that_is_promised() -> None:
    rules = {name: one.rule for name, one in BUILTIN_TASK_TYPES.items()}
    assert rules == {
        "agent": "frontier",
        "classification": "cheapest",
        "format_check": "cheapest",
        "code": "code",
        "extraction": "cheapest",
        "content": "frontier",
        "analysis": "frontier",
        "other": "reference",
    }
    assert BUILTIN_TASK_TYPES["content"].rule_internal == "mid"
    assert BUILTIN_TASK_TYPES["other"].match == ()


@pytest.mark.parametrize(("name", "match"), MATCHES)
def test_builtin_rules_keep_the_rules_for_rules(name: str, match: Match) -> None:
    assert match != Match(), name
    for pattern in (*match.patterns, *match.orders):
        assert regex_problem(pattern) == ""
    assert all(order == order.lower() for order in match.orders)
    for word in match.words:
        assert word_problem(word) == ""


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 6000,
        " " * 6000,
        ", write" * 800,
        "rule " * 1200,
        "json " * 1200,
        "a(" * 3000,
        "```" + ";\n" * 3000,
        ". does it match" * 400,
        "which first any " * 400,
        "is this " * 700,
        ":" * 6000,
        "por favor " * 600,
    ],
)
def test_no_prompt_stalls_the_rules(text: str) -> None:
    started = time.process_time()
    kind_of(text)
    assert time.process_time() - started < 0.2
