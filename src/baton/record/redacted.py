"""Content as it may be written: what the patterns of `content.redact` match is taken out before the ledger sees it."""

from collections.abc import Mapping

from msgspec.structs import replace

from baton.protocol.redact import Redactor
from baton.types.outcome import Content, Finished


class ContentRedactor:
    """Called in the writer thread of the ledger. What cannot be read is left out, and never written as it is."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._redactor = Redactor(patterns)

    def __call__(self, finished: Finished) -> Finished:
        content = finished.content
        if content is None:
            return finished
        answer = self._redactor.answer(finished.dialect, content.answer, stream=finished.stream)
        return replace(finished, content=Content(self._redactor.request(content.request), answer))
