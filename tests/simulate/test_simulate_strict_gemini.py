"""Each of Gemini's rules: a request that keeps it is answered, one that breaks it is refused in the vendor's words."""

from typing import Any

import pytest

from tests.simulate.posed import PNG, SCHEMA, Vendor

VENDOR = Vendor()
OLD = "sim-gemini-old"
TEXT = {"text": "t"}
CALL = {"functionCall": {"name": "f", "args": {}}}
RESULT = {"functionResponse": {"name": "f", "response": {"x": 1}}}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def says(*contents: Any, **members: Any) -> dict[str, Any]:
    return {"contents": list(contents), **members}


HI = user(TEXT)


def declares(*declared: Any, **members: Any) -> dict[str, Any]:
    return says(HI, tools=[{"functionDeclarations": list(declared)}], **members)


def configured(**members: Any) -> dict[str, Any]:
    return says(HI, generationConfig=members)


def calling(**members: Any) -> dict[str, Any]:
    return declares({"name": "f"}, toolConfig={"functionCallingConfig": members})


IMAGE = {"inlineData": {"mimeType": "image/png", "data": PNG}}
JSON = {"responseMimeType": "application/json"}

RULES: list[Any] = [
    (says(HI, safetySettings=[]), says(HI, baton={}), 'Unknown name "baton": Cannot find field.'),
    (says(HI, system_instruction=user(TEXT)), says(HI, system="s"), 'Unknown name "system"'),
    (says(HI), says(), "contents is not specified"),
    (says(HI), says(user()), "contents.parts must not be empty"),
    (says(HI), says({**HI, "name": "ann"}), "Unknown name \"name\" at 'contents[0]'"),
    (says(user(TEXT)), says(user({"type": "text", "text": "t"})), "Unknown name \"type\" at 'contents[0].parts[0]'"),
    (says(user(TEXT)), says(user({"thought": True})), "required oneof field 'data' must have one initialized field"),
    (says(user(TEXT, IMAGE)), says(user({**TEXT, **IMAGE})), "oneof field 'data' is already set"),
    (says(user({"inline_data": {"mime_type": "image/png", "data": "_-8="}})), says(user({"inlineData": {"mimeType": "image/png", "data": "!"}})), "Base64 decoding failed"),
    (says(user(IMAGE)), says(user({"inlineData": {"mediaType": "image/png", "data": PNG}})), 'Unknown name "mediaType"'),
    (says(HI, model(CALL), user(RESULT)), says(HI, model({"functionCall": {"name": "f", "args": "{}"}}), user(RESULT)), "google.protobuf.Struct"),
    (says(HI, model(CALL), user(RESULT)), says(HI, model(CALL), user({"functionResponse": {"name": "f", "response": "x"}})), "google.protobuf.Struct"),
    (says(HI, model(CALL), user(RESULT)), says(HI, model({"functionCall": {"args": {}}}), user(RESULT)), "Name cannot be empty"),
    (says(HI), says({"role": "assistant", "parts": [TEXT]}), "Please use a valid role: user, model."),
    (says(HI, model(TEXT), HI), says(HI, HI), "alternate between user and model"),
    (says(HI, model(CALL), user(RESULT), HI), says(HI, model(TEXT), HI, HI), "alternate between user and model"),
    (says(HI, model(TEXT), HI), says(HI, model(TEXT), model(TEXT), HI), "alternate between user and model"),
    (says(HI, model(TEXT), HI), says(HI, model(TEXT)), "end with a user role or a function response"),
    (says(HI, model(CALL), user(RESULT)), says(model(CALL), user(RESULT)), "function call turn comes immediately after a user turn"),
    (says(HI, model(CALL, CALL), user(RESULT, RESULT)), says(HI, model(CALL, CALL), user(RESULT)), "number of function response parts is equal"),
    (says(HI, model(CALL), user(RESULT)), says(HI, model(CALL), HI), "number of function response parts is equal"),
    (says(HI, model(CALL), user(RESULT)), says(HI, model(TEXT), user(RESULT)), "function response turn comes immediately after"),
    (says(HI, model(CALL), user(RESULT)), says(HI, model(CALL), user({"functionResponse": {"name": "g", "response": {}}})), "expected responses of f, but got g"),
    (
        says(HI, model({"functionCall": {"name": "f", "id": "1"}}), user({"functionResponse": {"name": "f", "id": "1", "response": {}}})),
        says(HI, model({"functionCall": {"name": "f", "id": "1"}}), user({"functionResponse": {"name": "f", "id": "2", "response": {}}})),
        "ids match the function call ids",
    ),
    (configured(stopSequences=["a"] * 5), configured(stopSequences=["a"] * 6), "must not exceed 5, but got 6"),
    (configured(topK=4), configured(max_tokens=4), "Unknown name \"max_tokens\" at 'generation_config'"),
    (configured(responseSchema={"type": "OBJECT"}, **JSON), configured(responseSchema={"type": "OBJECT"}), "only supported with response mime type"),
    (configured(responseJsonSchema={"$schema": "x"}, **JSON), configured(responseSchema={"$schema": "x"}, **JSON), 'Unknown name "$schema"'),
    (configured(responseJsonSchema={}, **JSON), configured(responseJsonSchema={}, responseSchema={}, **JSON), "Only one of response_schema"),
    (configured(thinkingConfig={"thinkingBudget": 9}), configured(thinkingConfig={"thinkingBudget": 9, "thinkingLevel": "LOW"}), "only one of thinking budget and thinking level"),
    (configured(thinkingConfig={"thinkingBudget": 9}), configured(thinkingConfig={"effort": 9}), 'Unknown name "effort"'),
    (configured(thinkingConfig={"thinkingBudget": 9}), configured(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported for this model"),
    (configured(thinkingConfig={"thinkingBudget": 9}), configured(thinkingConfig={"thinkingLevel": "MOST"}), 'ThinkingLevel), "MOST"'),
    (declares({"name": "f", "parameters": SCHEMA}), declares({"name": "f", "input_schema": SCHEMA}), 'Unknown name "input_schema"'),
    (declares({"name": "f_1.x"}), declares({"name": "1f"}), "Invalid function name"),
    (declares({"name": "f", "parametersJsonSchema": {"additionalProperties": False, "$ref": "x"}}), declares({"name": "f", "parameters": {"type": "object", "properties": {"a": {"const": 1}}}}), 'Unknown name "const"'),
    (declares({"name": "f", "parameters": {"type": "OBJECT"}}), declares({"name": "f", "parameters": {"type": ["object", "null"]}}), "Proto field is not repeating"),
    (declares({"name": "f"}), says(HI, tools=[{"name": "f"}]), "Unknown name \"name\" at 'tools[0]'"),
    (calling(mode="ANY", allowedFunctionNames=["f"]), calling(mode="ANY", allowedFunctionNames=["g"]), "'g' is not among the declared"),
    (calling(mode="ANY", allowedFunctionNames=["f"]), calling(mode="AUTO", allowedFunctionNames=["f"]), "only be set when the function calling mode is ANY"),
    (calling(mode="any"), calling(mode="REQUIRED"), '(Mode), "REQUIRED"'),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "broken", "told"), RULES)
def test_a_rule_is_kept_or_told(kept: Any, broken: Any, told: str) -> None:
    accepted = VENDOR.gemini(kept, OLD)
    assert (accepted.status, accepted.message) == (200, "")
    refused = VENDOR.gemini(broken, OLD)
    assert refused.status == 400
    assert told in refused.message
    assert set(refused.body["error"]) == {"code", "message", "status"}
    assert (refused.body["error"]["code"], refused.body["error"]["status"]) == (400, "INVALID_ARGUMENT")


TOOLS = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]


def opened(name: str = "use f") -> tuple[dict[str, Any], dict[str, Any]]:
    """What the user asked, and the model's signed turn."""
    asked = user({"text": name})
    return asked, VENDOR.gemini(says(asked, tools=TOOLS)).body["candidates"][0]["content"]


def test_a_new_model_wants_its_signature_on_the_first_call_of_each_step() -> None:
    asked, signed = opened()
    assert [("thoughtSignature" in part) for part in signed["parts"]] == [False, True]
    assert VENDOR.gemini(says(asked, signed, user(RESULT), tools=TOOLS)).status == 200
    bare = says(asked, model(TEXT, CALL), user(RESULT), tools=TOOLS)
    assert "missing a thought_signature in functionCall parts" in VENDOR.gemini(bare).message
    assert "`default_api:f` , position 2" in VENDOR.gemini(bare).message
    assert VENDOR.gemini(bare, OLD).status == 200
    assert VENDOR.gemini({**bare, "contents": [*bare["contents"], model(TEXT), HI]}).status == 200


def test_only_the_first_of_parallel_calls_is_signed() -> None:
    asked, signed = opened("use f and g")
    assert [("thoughtSignature" in part) for part in signed["parts"]] == [False, True, False]
    results = user(RESULT, {"functionResponse": {"name": "g", "response": {}}})
    assert VENDOR.gemini(says(asked, signed, results, tools=TOOLS)).status == 200


@pytest.mark.parametrize("word", ["skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="])
def test_the_documented_word_stands_in_for_a_signature(word: str) -> None:
    body = says(HI, model({**CALL, "thoughtSignature": word}), user(RESULT), tools=TOOLS)
    assert VENDOR.gemini(body).status == 200
    assert VENDOR.gemini(says(HI, model({**CALL, "thought_signature": word}), user(RESULT), tools=TOOLS)).status == 200


def test_counting_keeps_the_same_rules() -> None:
    path = "/v1beta/models/sim-gemini:countTokens"
    assert VENDOR.ask(path, says(HI)).body["totalTokens"] > 0
    wrapped = {"generateContentRequest": {"model": "models/sim-gemini", **says(HI, systemInstruction=user(TEXT))}}
    assert VENDOR.ask(path, wrapped).body["totalTokens"] > VENDOR.ask(path, says(HI)).body["totalTokens"]
    assert "alternate" in VENDOR.ask(path, says(HI, HI)).message
