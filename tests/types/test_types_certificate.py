"""The name of a certificate follows from all it says, whatever the order it was written in."""

import msgspec
import pytest
from msgspec.structs import replace

from baton.types.card import Deployment, ModelCard
from baton.types.certificate import Certificate, digest, identity
from baton.types.money import Price

HASH = "sha256:" + "0" * 64
ONE = Certificate(
    task_type="classification", rung="sim/nano", reference="sim/frontier", rho=0.95, delta=0.05, n=400, estimate=0.99,
    bound=0.951, cost_per_task=10.5, reference_cost_per_task=1_000.0, grader="exact+gold",
    models={"sim/nano": "sim sim-nano", "sim/frontier": "sim sim-frontier"}, prompt_set=HASH, grades=HASH,
    order_seed=7, date="2026-01-31",
)  # fmt: skip


@pytest.mark.parametrize("change", [{"n": 401}, {"bound": 0.952}, {"grades": HASH[:-1] + "1"}, {"date": "2026-02-01"}])
def test_any_change_is_another_name(change: dict[str, object]) -> None:
    assert replace(ONE, **change).name != ONE.name


def test_the_name_survives_json_and_another_order_of_models() -> None:
    again = msgspec.json.decode(msgspec.json.encode(ONE), type=Certificate)
    assert (again, again.name) == (ONE, ONE.name)
    turned = replace(ONE, models=dict(reversed(ONE.models.items())))
    assert digest(turned) == digest(ONE)


def test_an_unknown_member_is_refused() -> None:
    written = msgspec.to_builtins(ONE) | {"trust_me": True}
    with pytest.raises(msgspec.ValidationError, match="trust_me"):
        msgspec.convert(written, Certificate)


def test_identity_is_every_place_and_no_order() -> None:
    places = (Deployment("b", "m-2"), Deployment("a", "m-1"))
    card = ModelCard("x/m", "a", "m-1", "mid", 1, 1, Price(0, 0))
    assert identity(card) == "a m-1"
    several = replace(card, deployments=places)
    assert identity(several) == identity(replace(card, deployments=tuple(reversed(places)))) == "a m-1, b m-2"
