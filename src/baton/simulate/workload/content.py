"""Short texts with constraints that a program can check: length, words to use and to avoid, bullets, the last line.

Limits leave room on both sides, so that every sane way of counting words comes to the same verdict.
"""

from baton.simulate.workload import phrases
from baton.simulate.workload.draft import Brief, Draft, Wrong
from baton.simulate.workload.lexicon import CITIES, PRODUCTS, WEEKDAYS, code_name, company, person
from baton.types.task import Audience
from baton.types.verdict import Answer, Format

SLACK_WORDS = 8
TOO_MUCH_WORDS = 45


def make(brief: Brief) -> Draft:
    rng, words = brief.rng, phrases.WORDS[brief.language]
    audience: Audience = rng.choice(("internal", "customer"))
    kind = rng.choice(words.customer if audience == "customer" else words.internal)
    facts = _facts(brief)
    sentences = [sentence.format(**facts) for sentence in kind.sentences]
    required = tuple(facts[name] for name in rng.sample(kind.names, min(len(kind.names), brief.steps(1, 3))))
    bulleted = brief.difficulty > 0.3 and rng.random() < 0.6
    closed = brief.difficulty > 0.55
    text = _compose(words, sentences, bulleted=bulleted, closed=closed)
    check = Format(
        max_words=_count(text) + SLACK_WORDS,
        min_words=max(5, _count(text) - SLACK_WORDS - 6),
        bullets=len(sentences) if bulleted else None,
        must_include=required,
        must_avoid=tuple(rng.sample(words.banned, brief.steps(0, 2))),
        ends_with=words.closing if closed else None,
    )
    told = "; ".join(f"{label}: {facts[name]}" for name, label in words.labels.items() if name in kind.names)
    prompt = "\n".join((
        kind.task.format(**facts),
        f"{words.facts} {told}",
        *_conditions(brief, words, check),
    ))  # fmt: skip
    return Draft(
        prompt=prompt,
        check=check,
        right=Answer(text),
        wrong=tuple(_wrong(brief, words, check, text, sentences)),
        system=rng.choice(words.systems),
        audience=audience,
    )


def _facts(brief: Brief) -> dict[str, str]:
    rng = brief.rng
    return {
        "product": rng.choice(PRODUCTS),
        "company": company(rng, brief.language),
        "city": rng.choice(CITIES),
        "day": rng.choice(WEEKDAYS[brief.language]),
        "order": code_name(rng, "A", 6),
        "person": person(rng),
        "percent": f"{rng.randrange(5, 60, 5)} %",
    }


def _compose(words: phrases.Words, sentences: list[str], *, bulleted: bool, closed: bool) -> str:
    body = "\n".join(f"- {sentence}" for sentence in sentences) if bulleted else " ".join(sentences)
    return f"{body}\n{words.closing}" if closed else body


def _count(text: str) -> int:
    return len([word for word in text.split() if any(letter.isalnum() for letter in word)])


def _conditions(brief: Brief, words: phrases.Words, check: Format) -> list[str]:
    stated = [words.length.format(least=check.min_words, most=check.max_words)]
    stated.append(words.include.format(quoted=", ".join(f'"{phrase}"' for phrase in check.must_include)))
    if check.must_avoid:
        stated.append(words.avoid.format(quoted=", ".join(f'"{phrase}"' for phrase in check.must_avoid)))
    if check.bullets is not None:
        stated.append(words.bullets.format(k=check.bullets))
    if check.ends_with is not None:
        stated.append(words.ending.format(quoted=f'"{check.ends_with}"'))
    brief.rng.shuffle(stated)
    if brief.difficulty < 0.5:
        stated.insert(0, brief.rng.choice(words.background))
    return stated


def _wrong(brief: Brief, words: phrases.Words, check: Format, text: str, sentences: list[str]) -> list[Wrong]:
    """Texts that read well and miss what was ordered; one of them for each kind of condition that the task sets."""
    missing = brief.rng.choice(check.must_include)
    rest = [sentence for sentence in sentences if missing not in sentence]
    shorter = _compose(words, rest, bulleted=check.bullets is not None, closed=check.ends_with is not None)
    padding: list[str] = []
    while _count(" ".join(padding)) < TOO_MUCH_WORDS:
        padding.append(brief.rng.choice(words.padding))
    found = [
        Wrong("phrase_missing", Answer(shorter)),
        Wrong("too_long", Answer(f"{' '.join(padding)}\n{text}")),
    ]
    if check.must_avoid:
        found.append(Wrong("banned_word", Answer(f"{check.must_avoid[0]}\n{text}")))
    if check.bullets is not None:
        found.insert(0, Wrong("bullet_count", Answer(text.replace("\n- ", " ", 1))))
    if check.ends_with is not None:
        found.insert(0, Wrong("ending_missing", Answer(text.removesuffix(f"\n{words.closing}"))))
    if brief.difficulty < 0.5:
        found.append(Wrong("too_short", Answer(" ".join(text.split()[:3]))))
    return found
