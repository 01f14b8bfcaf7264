"""Files whose words are known to one run alone: an answer that holds them has been through the tools."""

import secrets
from pathlib import Path
from typing import NamedTuple


class Note(NamedTuple):
    path: Path
    word: str


def fresh(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def notes(folder: Path, number: int = 2) -> list[Note]:
    made = [Note(folder / f"note-{at}.txt", secrets.token_hex(8)) for at in range(number)]
    for note in made:
        note.path.write_text(f"the word is {note.word}\n")
    return made


def missing(made: list[Note], answer: str) -> str:
    """What is wrong with an answer, empty where nothing is."""
    lost = sum(note.word not in answer for note in made)
    return f"{lost} of {len(made)} results are not in its answer" if lost else ""
