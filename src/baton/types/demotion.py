"""A model that may not serve a task type for the time being, though the config lets it."""

from msgspec import Struct


class Demotion(Struct, frozen=True):
    """`reason` in words: it is shown with every decision that passes the model over."""

    task_type: str
    model: str
    reason: str
