"""Conversations leave for both SDKs with nothing lost, and come back as the same conversation."""

import msgspec
import pytest

from baton.simulate.conversation import Conversation
from baton.simulate.drive import anthropic_arguments, openai_arguments
from baton.simulate.wire import anthropic, openai_chat
from baton.simulate.workload.item import item

CONVERSATIONS = [item(9, index).conversation for index in range(150)]


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=range(150))
def test_what_the_driver_writes_is_what_the_wire_reads(conversation: Conversation) -> None:
    sent = msgspec.json.encode({"model": "m", **openai_arguments(conversation)})
    assert openai_chat.read(sent).conversation == conversation
    sent = msgspec.json.encode({"model": "m", **anthropic_arguments(conversation)})
    bare = msgspec.structs.replace(conversation, response_schema=None)
    assert compact(anthropic.read(sent).conversation) == compact(bare)


def compact(conversation: Conversation) -> bytes:
    """Arguments pass through that dialect as objects, so their spaces do not survive."""
    return msgspec.json.encode(conversation).replace(b" ", b"")
