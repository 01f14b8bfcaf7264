"""Calls that a client makes on the side: titles, tags, summaries, checks of commands. Nobody waits for their wit.

Told by the sentences that the clients themselves send. A caller's own request for a title is not one of them: signs of
the user's turn are whole sentences of a product, never single words, and none that a document quotes.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from baton.decide.said import Said
from baton.types.request import Request

Sort = Literal[
    "title", "tags", "summary", "topic", "command_check", "suggestion", "search", "next_speaker", "commit_message",
    "compaction", "probe", "small_model",
]  # fmt: skip
"""`compaction` goes on as the memory of a conversation: on the side, but not of little weight."""


class Background(Struct, frozen=True):
    sort: Sort
    client: str


READ_CHARS = 700
SMALL_ANSWER = 1_024
"""Tokens. Claude Code asks its small model for answers of at most so many, and without tools."""

OF_SYSTEM: tuple[tuple[str, Sort, str], ...] = (
    ("you are a title generator", "title", "opencode"),
    ("summarize what was done in this conversation", "summary", "opencode"),
    ("tasked with summarizing conversations in claude code", "compaction", "Claude Code"),
    ("tasked with summarizing conversations", "compaction", "opencode"),
    ("analyze if this message indicates a new conversation topic", "topic", "Claude Code"),
    ("summarize this coding conversation in under", "title", "Claude Code"),
    ("sentence-case title (3-7 words)", "title", "Claude Code"),
    ("write a 5-10 word title", "title", "Claude Code"),
    ("generate a short title and git branch name", "title", "Claude Code"),
    ("your task is to process bash commands", "command_check", "Claude Code"),
    ("extract any file paths that this command reads or modifies", "command_check", "Claude Code"),
    ("one-line git commit message", "commit_message", "aider"),
    ("generates concise, one-line git", "commit_message", "aider"),
    ("*briefly* summarize this partial conversation", "compaction", "aider"),
    ("you are performing a context checkpoint compaction", "compaction", "Codex"),
    ("provide a concise description of this session in", "title", "goose"),
)
"""Beginnings of system prompts, in small letters."""
OF_USER: tuple[tuple[str, Sort, str], ...] = (
    ("generate a title for this conversation:", "title", "opencode"),
    ("please write a 5-10 word title for the following conversation", "title", "Claude Code"),
    ("[suggestion mode: suggest what the user might", "suggestion", "Claude Code"),
    ("your task is to create a detailed summary of the conversation so far", "compaction", "Claude Code"),
    ("you are performing a context checkpoint compaction", "compaction", "Codex"),
    ("word title with an emoji summarizing the chat history", "title", "Open WebUI"),
    ("word title with an emoji summarizing the conversation", "title", "Open WebUI"),
    ("broad tags categorizing the main themes of the chat history", "tags", "Open WebUI"),
    ("relevant follow-up questions or prompts that the user might naturally ask next", "suggestion", "Open WebUI"),
    ("determine the necessity of generating search queries", "search", "Open WebUI"),
    ("you are an autocompletion system", "suggestion", "Open WebUI"),
    ("5-word-or-less title for the conversation", "title", "LibreChat"),
    ("word title for this conversation, omitting punctuation", "title", "Zed"),
    ("reply with a title for the chat that is 3-4 words", "title", "Continue"),
    ("analyze *only* the content and structure of your immediately preceding response", "next_speaker", "Gemini CLI"),
    ("provide a concise description of this session in 4 words or less", "title", "goose"),
)
ANCHORS_OF_SYSTEM = (
    "titl",
    "concise",
    "summar",
    "conversation",
    "command",
    "file paths",
    "commit",
    "checkpoint",
    "description",
)
ANCHORS_OF_USER = (
    "titl", "summar", "suggest", "checkpoint", "chat", "queries", "questions", "autocompletion", "preceding response",
    "description",
)  # fmt: skip
"""One of them stands in every sign: most texts hold none, and are looked through no further."""
PROBES = frozenset({"quota", "warmup", "ping", "test", "hi"})
CLAUDE_CODE = ("you are claude code", "claude agent sdk", "cc_entrypoint=")


def background_of(request: Request, read: Said | None = None) -> Background | None:
    """The sort of call that a client makes on the side, or None for what somebody asked for.

    `read`: its words, where they were read before.
    """
    facts = request.facts
    if facts.tool_results:
        return None
    found, from_claude_code = _told_by_system(facts.system_text[:READ_CHARS])
    said = facts.user_text.lower()
    said = said if len(said) <= 2 * READ_CHARS else said[:READ_CHARS] + said[-READ_CHARS:]
    if found is None and _signed(said, ANCHORS_OF_USER, OF_USER) is not None:
        found = _signed((read or Said(facts)).lower, ANCHORS_OF_USER, OF_USER)
    if found is not None:
        return found
    if (facts.max_output == 1 and said.strip() in PROBES) or (from_claude_code and said.strip() == "warmup"):
        return Background("probe", "Claude Code" if from_claude_code or said.strip() == "quota" else "")
    small = "haiku" in request.model.lower() and not facts.tools
    if small and from_claude_code and (facts.max_output or SMALL_ANSWER) <= SMALL_ANSWER:
        return Background("small_model", "Claude Code")
    return None


@lru_cache(maxsize=256)
def _told_by_system(text: str) -> tuple[Background | None, bool]:
    """Its sort, and whether it is Claude Code's; remembered, for clients have few system prompts."""
    system = text.lower()
    return _signed(system, ANCHORS_OF_SYSTEM, OF_SYSTEM), _holds_one(system, CLAUDE_CODE)


def _holds_one(text: str, signs: tuple[str, ...]) -> bool:
    for sign in signs:  # noqa: SIM110 - this is asked of every choice, and twice as fast as `any`
        if sign in text:
            return True
    return False


def _signed(text: str, anchors: tuple[str, ...], signs: Iterable[tuple[str, Sort, str]]) -> Background | None:
    """By the first of the signs that stands in a text of small letters."""
    if not _holds_one(text, anchors):
        return None
    return next((Background(sort, client) for sign, sort, client in signs if sign in text), None)
