"""Private state on its way through Baton: named, kept, put back for its maker, and kept from everybody else."""

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from baton.protocol.inband import TEXT_TAG, open_all, sealer
from baton.protocol.openai_responses.items import MADE_UP_THOUGHTS
from baton.protocol.private import attach, lacks_signatures, opaque_of, opaque_strings, remember
from baton.state.keep import Keep
from baton.types.card import Dialect
from baton.types.conversation import Conversation, Turn, TurnMemory
from baton.types.events import AnswerMessage
from baton.types.parts import Origin, PrivateEntry
from baton.types.request import Caller

ORIGINS, TURNS, SECRETS = "origin", "turn", "secret"
SEAL, SEAL_BYTES, SEAL_TTL_S = "seal", 32, 10 * 365 * 86_400.0
MEMORIES_PER_TURN = 4
"""One visible turn ("Done.") is made after many histories: each is found by its own, the newest without it."""
NOBODY = Origin()
MARKS = (b'"signature"', b'"encrypted_content"', b'"thoughtSignature"', b'"thought_signature"', b'"redacted_thinking"')
"""Of what a provider made for itself alone."""
STEMS = (b'ignature"', b'"encrypted_content"', b'"redacted_thinking"')
"""One of them stands in each of `MARKS`: looked for first, for bodies are long and hold none."""
OUR_OWN = (TEXT_TAG.encode(), MADE_UP_THOUGHTS.encode())
"""What only Baton puts into an answer, and no provider may see."""
SIGNER = "claude"
"""Of the models that speak Messages only those of this name refuse thinking that bears no signature."""

_ORIGIN = msgspec.msgpack.Decoder(Origin)
_MEMORIES = msgspec.msgpack.Decoder(tuple[TurnMemory, ...])
_encode = msgspec.msgpack.Encoder().encode


class PrivateState:
    """`durable` False keeps the words of conversations out of the file (`content: off`, of the house or of a key)."""

    def __init__(self, keep: Keep, seal_key: bytes, ttl_s: float, *, durable: bool) -> None:
        self._keep = keep
        self._seal_key = seal_key
        self._ttl_s = ttl_s
        self._durable = durable
        self.seal = sealer(seal_key)

    def may_go_as_it_is(self, body: bytes, asked: Origin) -> bool:
        """The caller's own bytes hold nothing that this model's provider did not make itself, as far as is known."""
        if _holds_one(body, OUR_OWN) or (SIGNER in asked.model and lacks_signatures(body)):
            return False
        if not _may_hold_marks(body):
            return True
        return all(_is_of(self._maker(opaque), asked) for opaque in opaque_strings(body))

    def restored(self, conversation: Conversation, caller: Caller) -> Conversation:
        """Envelopes opened, every piece named after its maker, answers put back as they were made."""
        opened = open_all(conversation, self._seal_key)
        turns = tuple(self._named(turn) if turn.private else turn for turn in opened.turns)
        return attach(
            replace(opened, turns=turns),
            lambda key, prefix_hash: self._memories(caller, key + prefix_hash) or self._memories(caller, key),
        )

    def keep_answer(self, answer: AnswerMessage, prefix_hash: str, dialect: Dialect, caller: Caller) -> None:
        """An answer of `dialect` that was told to the caller in another one."""
        self._name(answer.private)
        memory = remember(answer, prefix_hash, dialect)
        if memory is not None:
            others = tuple(one for one in self._memories(caller, memory.key) if one.prefix_hash != prefix_hash)
            newest = (*others, memory)[-MEMORIES_PER_TURN:]
            self._put(caller, memory.key, newest)
            self._put(caller, memory.key + prefix_hash, (memory,))

    def keep_names(self, body: bytes, maker: Origin) -> None:
        """Of an answer that went to the caller as its bytes: who made the private state in it."""
        if _may_hold_marks(body):
            for opaque in opaque_strings(body):
                self._keep.put(ORIGINS, _digest(opaque), _encode(maker), self._ttl_s)

    def _named(self, turn: Turn) -> Turn:
        return replace(turn, private=tuple(self._with_maker(entry) for entry in turn.private))

    def _with_maker(self, entry: PrivateEntry) -> PrivateEntry:
        if entry.origin != NOBODY:
            return entry
        opaque = opaque_of(entry)
        maker = self._maker(opaque) if opaque else None
        return entry if maker is None else replace(entry, origin=maker)

    def _name(self, private: Sequence[PrivateEntry]) -> None:
        for entry in private:
            opaque = opaque_of(entry)
            if opaque:
                self._keep.put(ORIGINS, _digest(opaque), _encode(entry.origin), self._ttl_s)

    def _maker(self, opaque: bytes) -> Origin | None:
        found = self._keep.get(ORIGINS, _digest(opaque))
        return None if found is None else _ORIGIN.decode(found)

    def _put(self, caller: Caller, key: str, memories: tuple[TurnMemory, ...]) -> None:
        durable = self._durable and caller.keeps_content
        self._keep.put(TURNS, _key(caller, key), _encode(memories), self._ttl_s, durable=durable)

    def _memories(self, caller: Caller, key: str) -> tuple[TurnMemory, ...]:
        found = self._keep.get(TURNS, _key(caller, key))
        if found is None:
            return ()
        try:
            return _MEMORIES.decode(found)
        except (ValueError, RecursionError):  # written by another version: what it holds cannot be put back
            return ()


def house_seal(keep: Keep, make: bytes) -> bytes:
    """The key that envelopes are sealed with, the same for all who share the file."""
    return keep.once(SECRETS, SEAL, lambda: make, SEAL_TTL_S)


def _is_of(maker: Origin | None, asked: Origin) -> bool:
    if maker is None:
        return True
    return all(
        not getattr(maker, field) or not getattr(asked, field) or getattr(maker, field) == getattr(asked, field)
        for field in Origin.__struct_fields__
    )


def _key(caller: Caller, key: str) -> str:
    """Turns are kept per caller: what one caller's conversation made is never put into another's."""
    return f"{caller.name}\x00{key}"


def _digest(opaque: bytes) -> str:
    return hashlib.blake2b(opaque, digest_size=16).hexdigest()


def _may_hold_marks(body: bytes) -> bool:
    return _holds_one(body, STEMS) and _holds_one(body, MARKS)


def _holds_one(body: bytes, marks: tuple[bytes, ...]) -> bool:
    for mark in marks:  # noqa: SIM110 - this is asked of every request, and twice as fast as `any`
        if mark in body:
            return True
    return False
