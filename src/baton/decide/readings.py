"""How hard a request is: by what was learned from graded answers, else by the label-free prior, else unknown.

The whole of the caller's last turns is read, documents in them included: what has to be worked through makes a task
hard. A text can make it harder, and so dearer, up to the key's escalation limit; it cannot declare anything.
"""

from baton.decide.difficulty import Reading
from baton.decide.features import read
from baton.decide.prior import hardness
from baton.decide.residual import ResidualReader
from baton.decide.said import Said
from baton.decide.text import visible_length
from baton.types.learned import Learned


class Readings:
    """Compiled once per snapshot. Raises ResidualMisfit for weights of another version."""

    def __init__(self, learned: Learned | None) -> None:
        residual = None if learned is None else learned.residual
        self._residual = None if residual is None else ResidualReader(residual)
        self._prior = learned is None or learned.length_prior

    def of(self, words: Said, task_type: str) -> Reading:
        said = words.whole
        if self._residual is None:
            return hardness(said) if self._prior else Reading(None, None, "nothing was learned of prompts")
        reading = self._residual.read(read(said, visible_length(words.facts.user_text)), task_type)
        if reading.difficulty is not None or not self._prior:
            return reading
        prior = hardness(said)
        return Reading(prior.difficulty, None, f"{reading.why}; {prior.why}")
