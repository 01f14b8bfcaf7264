"""The tools that agent tasks are offered; many have a neighbour that is easily taken for it."""

from typing import Any

from baton.simulate.conversation import ToolSpec

_TEXT: dict[str, Any] = {"type": "string"}
_WHOLE: dict[str, Any] = {"type": "integer"}
_NUMBER: dict[str, Any] = {"type": "number"}


def _tool(name: str, description: str, **members: dict[str, Any]) -> ToolSpec:
    schema = {"type": "object", "properties": members, "required": [*members], "additionalProperties": False}
    return ToolSpec(name, description, schema)


TOOLS: dict[str, ToolSpec] = {
    tool.name: tool
    for tool in (
        _tool("weather_forecast", "Forecast for a city, 1 to 10 days ahead.", city=_TEXT, days_ahead=_WHOLE),
        _tool("weather_history", "Measured weather of a past day.", city=_TEXT, date=_TEXT),
        _tool("stock_level", "Pieces of an article in one warehouse.", article=_TEXT, warehouse=_TEXT),
        _tool("stock_transfer", "Move pieces between warehouses.", article=_TEXT, warehouse=_TEXT, pieces=_WHOLE),
        _tool("convert_currency", "Convert an amount at today's rate.", amount=_NUMBER, source=_TEXT, target=_TEXT),
        _tool("exchange_rate", "Today's rate between two currencies.", source=_TEXT, target=_TEXT),
        _tool(
            "create_event",
            "Put an event into the user's calendar.",
            date={"type": "string", "description": "YYYY-MM-DD"},
            start={"type": "string", "description": "HH:MM"},
            minutes=_WHOLE,
            guest=_TEXT,
        ),
        _tool("find_free_slot", "First free slot of a day.", date=_TEXT, minutes=_WHOLE),
        _tool("refund_order", "Pay back part of an order, in euros.", order=_TEXT, amount_eur=_NUMBER),
        _tool("cancel_order", "Cancel an order that was not shipped.", order=_TEXT),
    )
}
