"""The form in which texts are compared: what a reader takes for the same is the same."""

import unicodedata

END_PUNCTUATION = ".!?,;: \t\r\n"
QUOTES = "\"'`*_"


def normalised(text: str) -> str:
    """NFKC, case folded, runs of white space as one space, no space or punctuation at the ends, no quotes around."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    previous = None
    while folded != previous:
        previous = folded
        folded = folded.strip(END_PUNCTUATION)
        if len(folded) > 1 and folded[0] in QUOTES and folded[0] == folded[-1]:
            folded = folded[1:-1]
    return folded


def last_line(text: str) -> str:
    """The last line that holds anything, empty where none does."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
