"""Support tickets into twelve categories. A hard ticket talks at length about one category and asks for another."""

from baton.simulate.workload import tickets
from baton.simulate.workload.draft import Brief, Draft, slips
from baton.simulate.workload.lexicon import PRODUCTS, code_name, person
from baton.types.verdict import Answer, Exact

DECOY_FROM = 0.4
"""From this difficulty on the ticket also mentions a neighbouring category; from twice of it on, it begins with it."""


def make(brief: Brief) -> Draft:
    rng, words = brief.rng, tickets.WORDS[brief.language]
    category = rng.choice(tickets.CATEGORIES)
    decoy = rng.choice(tickets.NEIGHBOURS[category])
    sentences = [rng.choice(words.wishes[category])]
    if brief.difficulty > DECOY_FROM:
        sentences.insert(0, rng.choice(words.mentions[decoy]))
    if brief.difficulty > 2 * DECOY_FROM:
        second = rng.choice([name for name in tickets.NEIGHBOURS[category] if name != decoy])
        sentences.insert(1, rng.choice(words.mentions[second]))
    for _ in range(rng.randint(0, 3) + (brief.difficulty < DECOY_FROM)):
        small_talk = rng.choice(words.small_talk)
        if small_talk not in sentences:
            sentences.insert(rng.randrange(len(sentences) + 1), small_talk)
    ticket = " ".join(sentences).format(product=rng.choice(PRODUCTS), order=code_name(rng, "A", 6))
    listed = list(tickets.CATEGORIES)
    if rng.random() < 0.5:
        rng.shuffle(listed)
    prompt = f"{words.task.format(categories=', '.join(listed))}\n\n{words.ticket}: {ticket}\n{person(rng)}"
    others = [name for name in tickets.NEIGHBOURS[category] if name != decoy]
    wrong = slips(category, *(("neighbour", name) for name in (decoy, *others)), ("other_category", _far(category)))
    return Draft(prompt, Exact((category,)), Answer(category), wrong, system=rng.choice(words.systems))


def _far(category: str) -> str:
    place = tickets.CATEGORIES.index(category)
    return tickets.CATEGORIES[(place + len(tickets.CATEGORIES) // 2) % len(tickets.CATEGORIES)]
