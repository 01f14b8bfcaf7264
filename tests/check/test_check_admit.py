"""The one door from unverified to verified."""

import asyncio
import copy
import json
import operator
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from baton.check.admit import admit
from baton.check.contract import Contract, Setting
from baton.check.unverified import Unverified
from baton.check.verified import Verified, computed
from baton.types.errors import UntrustedRead
from baton.types.trust import Assurance, FalseAccepts, Refused
from baton.types.verdict import Answer, Verdict

SECRET = "the moon is made of 42 cheeses"


def said(text: str = SECRET, *, tainted: bool = False) -> Unverified[Answer]:
    return Unverified(Answer(text), origin="t1 by sim/nano", tainted=tainted)


READS: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "format": lambda one: f"{one}",
    "percent": lambda one: "%s" % one,  # noqa: UP031
    "join": lambda one: ", ".join([*"ab", one]),
    "concatenation": lambda one: "a" + one,
    "bytes": bytes,
    "bool": bool,
    "if": lambda one: 1 if one else 0,
    "iteration": list,
    "unpacking": lambda one: [*one],
    "len": len,
    "contains": lambda one: "moon" in one,
    "index": lambda one: one[0],
    "equality": lambda one: one == SECRET,
    "order": sorted,
    "hash": hash,
    "set": lambda one: {one},
    "attribute": operator.attrgetter("text"),
    "int": int,
    "float": float,
    "pickle": pickle.dumps,
    "await": lambda one: asyncio.run(_awaited(one)),
}


async def _awaited(one: Any) -> Any:
    return await one


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_whatever_reads_an_unverified_value_raises(read: Callable[[Any], Any]) -> None:
    if read is sorted:
        with pytest.raises(UntrustedRead):
            sorted([said(), said()])
        return
    with pytest.raises((UntrustedRead, TypeError)) as caught:
        read(said())
    assert "moon" not in str(caught.value)


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, msgspec.to_builtins, msgspec.msgpack.encode])
def test_no_encoder_takes_one(encode: Callable[[Any], Any]) -> None:
    with pytest.raises((UntrustedRead, TypeError)) as caught:
        encode({"answer": said()})
    assert "moon" not in str(caught.value)


def test_its_repr_tells_where_it_is_from_and_nothing_else() -> None:
    assert repr(said(tainted=True)) == "<unverified, from t1 by sim/nano, tainted>"
    assert copy.deepcopy({"a": said()})["a"].origin == "t1 by sim/nano"


def test_it_cannot_be_changed_nor_its_taint_be_washed_off() -> None:
    dirty = said(tainted=True)
    with pytest.raises(UntrustedRead):
        dirty.tainted = False
    assert dirty.tainted


def test_nobody_can_call_a_value_verified_by_hand() -> None:
    with pytest.raises(UntrustedRead, match="by hand"):
        Verified(1, origin="me", assurance=Assurance.EXECUTED, tainted=False, findings=(), seal=object())


class Scripted(Struct):
    """A check that does as it is told."""

    name: str
    assurance: Assurance = Assurance.GROUNDED
    cost: int = 0
    does: str = "pass"
    ran: list[str] = []

    async def run(self, value: Any, answer: Answer, setting: Setting) -> Any:
        self.ran.append(self.name)
        match self.does:
            case "pass" | "fail":
                return Verdict(self.name, passed=self.does == "pass", score=1.0, reason="as told")
            case "truthy":
                return True
            case "nothing":
                return None
            case "yes":
                return Verdict(self.name, passed="yes", score=1.0, reason="not a bool")  # type: ignore[arg-type]
        raise RuntimeError(f"broken by {answer.text}")


def run(contract: Contract[Any], unverified: Unverified[Answer] | None = None, setting: Setting | None = None) -> Any:
    given = said() if unverified is None else unverified
    return asyncio.run(admit(given, contract, Setting() if setting is None else setting))


def test_what_passes_its_contract_is_let_through_with_its_findings() -> None:
    found = run(Contract(checks=(Scripted("quote"),)))
    assert isinstance(found, Verified)
    assert (found.value, found.assurance, found.tainted) == (SECRET, Assurance.GROUNDED, False)
    assert [one.verdict.verifier for one in found.findings] == ["shape", "quote"]


@pytest.mark.parametrize("does", ["fail", "truthy", "nothing", "yes", "raise"])
def test_whatever_is_not_plainly_a_yes_is_a_refusal(does: str) -> None:
    found = run(Contract(checks=(Scripted("quote", does=does),)))
    assert isinstance(found, Refused)


def test_a_check_that_crashes_does_not_tell_the_refused_text_as_a_reason_to_mend() -> None:
    found = run(Contract(checks=(Scripted("quote", does="raise"),)))
    assert isinstance(found, Refused)
    assert not found.actionable
    assert "RuntimeError" in found.reason
    assert "moon" not in found.reason


def test_cheap_checks_run_first_and_the_first_failure_ends_it() -> None:
    ran: list[str] = []
    checks = (Scripted("judge", cost=900, ran=ran), Scripted("quote", cost=0, ran=ran, does="fail"))
    assert isinstance(run(Contract(checks=checks)), Refused)
    assert ran == ["quote"]


@pytest.mark.parametrize("require", list(Assurance))
def test_less_than_what_is_required_is_not_let_through(require: Assurance) -> None:
    judged: Contract[str] = Contract(checks=(Scripted("judge", Assurance.JUDGED),), require=require)
    assert isinstance(run(judged), Verified) == (require <= Assurance.JUDGED)


def test_the_form_alone_is_worth_the_form_and_a_text_has_every_form() -> None:
    schema = {"type": "object", "required": ["days"]}
    given = said('{"days": 30}')
    found = run(Contract(schema, require=Assurance.SHAPE), given)
    assert isinstance(found, Verified)
    assert found.value == {"days": 30}
    assert isinstance(run(Contract(schema), given), Refused)
    assert isinstance(run(Contract(require=Assurance.SHAPE)), Refused)


class Period(Struct):
    days: int


@pytest.mark.parametrize("text", ["", "no json", '{"days": "30"}', "[30]", '{"days": 1, "days": 2}', "[" * 9_000])
def test_what_has_not_the_form_is_refused_with_a_reason_to_mend(text: str) -> None:
    found = run(Contract(Period, require=Assurance.SHAPE), said(text))
    assert isinstance(found, Refused)
    assert found.actionable
    assert run(Contract(Period, require=Assurance.SHAPE), said('{"days": 30}')).value == Period(30)


def test_a_rate_that_was_never_measured_counts_as_one() -> None:
    contract: Contract[str] = Contract(checks=(Scripted("judge"),), max_escaped_error=0.05)
    assert isinstance(run(contract), Refused)
    measured = Setting(rates={"judge": FalseAccepts(1, 200, 0.024)})
    assert isinstance(run(contract, setting=measured), Verified)
    assert isinstance(run(contract, setting=Setting(rates={"judge": FalseAccepts(20, 200, 0.142)})), Refused)


def test_verification_never_clears_taint_and_a_computation_passes_it_on() -> None:
    contract: Contract[str] = Contract(checks=(Scripted("quote"),))
    dirty, clean = run(contract, said(tainted=True)), run(Contract(checks=(Scripted("x", Assurance.EXECUTED),)))
    assert dirty.tainted
    both = computed(lambda one, two: len(one) + len(two), dirty, clean, origin="sum")
    assert (both.value, both.tainted, both.assurance) == (2 * len(SECRET), True, Assurance.GROUNDED)


@given(
    does=st.lists(st.sampled_from(["pass", "fail", "truthy", "nothing", "yes", "raise"]), max_size=4),
    worth=st.sampled_from(list(Assurance)),
    require=st.sampled_from(list(Assurance)),
    text=st.text(max_size=40),
)
def test_nothing_comes_through_that_any_check_did_not_pass(
    does: list[str], worth: Assurance, require: Assurance, text: str
) -> None:
    checks = tuple(Scripted(f"c{place}", worth, place, one) for place, one in enumerate(does))
    found = run(Contract(checks=checks, require=require), said(text))
    right = all(one == "pass" for one in does) and (worth if does else Assurance.NONE) >= require
    assert isinstance(found, Verified) == right
