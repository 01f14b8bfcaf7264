"""Graded answers with a known cause: the weak model fails where a prompt is about one subject."""

import numpy as np

from baton.measure.learn.graded import Graded

SUBJECTS = {
    "topology": ("manifold", "homotopy", "covering", "bundle", "knot", "genus", "sheaf", "boundary"),
    "cooking": ("onion", "butter", "simmer", "flour", "pepper", "roast", "whisk", "dough"),
    "gardens": ("tulip", "compost", "prune", "seedling", "soil", "mulch", "hedge", "rake"),
}
WEAK = {"topology": 0.25, "cooking": 0.9, "gardens": 0.8}
STRONG = {"topology": 0.85, "cooking": 0.92, "gardens": 0.9}


def graded_subjects(prompts: int, seed: int = 1, *, models: tuple[str, str] = ("small", "large")) -> Graded:
    rng = np.random.default_rng(seed)
    texts, types, quality = [], [], []
    for number in range(prompts):
        subject = list(SUBJECTS)[rng.integers(len(SUBJECTS))]
        words = rng.choice(SUBJECTS[subject], 6)
        filler = rng.choice(["the", "one", "good", "more", "often", "about", "under"], 8)
        texts.append(f"Case {number}: {' '.join(np.ravel(np.column_stack([words, filler[:6]])))}?")
        types.append(subject)
        quality.append([rng.random() < WEAK[subject], rng.random() < STRONG[subject]])
    grades = np.array(quality, dtype=float)
    return Graded(texts, types, models, grades, np.full_like(grades, np.nan), np.full_like(grades, np.nan))
