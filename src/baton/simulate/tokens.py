"""The simulation's token rule: a token is up to four bytes of UTF-8 and never splits a character.

For ASCII that is `ceil(bytes / 4)`, close to what real tokenizers give for English prose.
"""

import msgspec

from baton.simulate.conversation import Conversation

BYTES_PER_TOKEN = 4
TOKENS_PER_TURN = 3  # role markers, which every vendor counts in one way or another


def pieces(text: str) -> list[str]:
    """The text cut into its tokens; joined they are the text again."""
    if text.isascii():
        return [text[start : start + BYTES_PER_TOKEN] for start in range(0, len(text), BYTES_PER_TOKEN)]
    found: list[str] = []
    piece, size = "", 0
    for character in text:
        width = len(character.encode("utf-8", "surrogatepass"))
        if size + width > BYTES_PER_TOKEN:
            found.append(piece)
            piece, size = "", 0
        piece += character
        size += width
    found.append(piece)
    return found


def count(text: str) -> int:
    return -(-len(text) // BYTES_PER_TOKEN) if text.isascii() else len(pieces(text))


def count_input(conversation: Conversation) -> int:
    """Tokens of everything that a model reads: system text, turns, calls, results and tool definitions."""
    total = count(conversation.system) + (TOKENS_PER_TURN if conversation.system else 0)
    for turn in conversation.turns:
        total += TOKENS_PER_TURN + count(turn.text)
        total += sum(count(use.name) + count(use.arguments) for use in turn.uses)
    for tool in conversation.tools:
        total += count(tool.name) + count(tool.description) + count(msgspec.json.encode(tool.parameters).decode())
    if conversation.response_schema is not None:
        total += count(msgspec.json.encode(conversation.response_schema).decode())
    return total
