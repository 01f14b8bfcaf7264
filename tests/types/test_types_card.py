"""Names of arms: a model, and how much it thinks."""

from baton.types.card import EffortArm, ModelCard, arm_name, split_arm
from baton.types.money import Price

CARDS = {
    id_: ModelCard(id_, "p", "m", "small", 1000, 100, Price(1, 1), efforts={"low": EffortArm("low", 0.3)})
    for id_ in ("p/m", "p/m@high", "claude@2024")
}


def test_an_arm_is_a_model_and_a_step_and_back() -> None:
    assert split_arm(arm_name("p/m", "low"), CARDS) == ("p/m", "low")
    assert split_arm(arm_name("p/m", ""), CARDS) == ("p/m", "")


def test_a_model_that_has_the_mark_in_its_own_id_is_that_model() -> None:
    assert split_arm("p/m@high", CARDS) == ("p/m@high", "")
    assert split_arm("claude@2024@low", CARDS) == ("claude@2024", "low")


def test_a_step_that_no_card_has_names_no_arm() -> None:
    assert split_arm("p/m@max", CARDS) == ("p/m@max", "")
    assert split_arm("q/x@low", CARDS) == ("q/x@low", "")
