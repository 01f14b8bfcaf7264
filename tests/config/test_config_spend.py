"""Budgets, limits, teams and admin keys in a config, and what is wrong with them."""

import pytest

from baton.config.checks import moment_of, moment_problem
from baton.config.schema import Config, LimitFields
from baton.types.spend import NO_LIMITS, Limits

from .texts import FLEET, only_problem_of
from .texts import parsed as parsed_with

ENV = {"KEY": "k-1", "ROOT": "r-1"}


def parsed(text: str) -> Config:
    return parsed_with(FLEET + text, ENV)


def test_dollars_become_nano_dollars_and_what_is_left_out_is_not_limited() -> None:
    fields = LimitFields(day_usd=0.1, total_usd=0, rpm=5)
    assert fields.limits() == Limits(day=100_000_000, total=0, requests=5)
    assert LimitFields().limits() == NO_LIMITS


def test_a_key_of_the_config_has_limits_and_a_team() -> None:
    config = parsed(
        "server: {keys: [{name: a, key: '${KEY}', team: t, tpm: 9, month_usd: 2.5, expires: '2999-01-01', "
        "routes: [auto]}]}\nspend: {house: {day_usd: 7}, teams: {other: {rpm: 1}}}\n"
    )
    key = config.server.keys[0]
    assert key.limits() == Limits(month=2_500_000_000, tokens=9)
    assert (key.team, key.routes, key.expires) == ("t", ("auto",), "2999-01-01")
    assert config.spend.house.limits().day == 7_000_000_000
    assert {name: entry and entry.limits() for name, entry in config.spend.teams.items()} == {
        "other": Limits(requests=1), "t": NO_LIMITS,
    }  # fmt: skip


def test_an_admin_key_is_hashed_and_lets_the_gateway_leave_loopback() -> None:
    config = parsed("server: {host: 0.0.0.0, admin_keys: [{name: root, key: '${ROOT}'}]}\n")
    assert config.server.admin_keys[0].key.reveal().startswith("sha256:")
    assert "r-1" not in repr(config)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server: {keys: [{name: a, key: '${KEY}', rpm: 0}]}", "at least 1"),
        ("server: {keys: [{name: a, key: '${KEY}', day_usd: -1}]}", "at least 0"),
        ("server: {keys: [{name: a, key: '${KEY}', expires: soon}]}", "is not a day or a moment"),
        ("server: {keys: [{name: a, key: '${KEY}', routes: [nope]}]}", "route 'nope' is not in this config"),
        ("server: {keys: [{name: a, key: '${KEY}'}], admin_keys: [{name: r, key: '${KEY}'}]}", "of somebody else"),
        ("server: {workers: 2, keys: [{name: a, key: '${KEY}', rpm: 5}]}", "2 workers would each grant"),
        ("server: {workers: 2}\nspend: {house: {day_usd: 5}}", "2 workers would each grant"),
        ("spend: {teams: {t: {dya_usd: 5}}}", "did you mean 'day_usd'"),
        ("spend: {input_margin: 0.5}", "at least 1"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    assert told in only_problem_of(FLEET + text + "\n", ENV)


def test_workers_that_share_a_redis_share_limits() -> None:
    text = "server: {workers: 2}\nspend: {house: {day_usd: 5}}\nstate: {redis_url: 'redis://127.0.0.1:6379/0'}\n"
    assert parsed(text).server.workers == 2


@pytest.mark.parametrize(
    ("text", "at"),
    [("1970-01-02", 86_400.0), ("1970-01-01T01:00:00Z", 3_600.0), ("1970-01-01T01:00:00+01:00", 0.0)],
)
def test_a_moment_without_a_zone_is_utc(text: str, at: float) -> None:
    assert moment_problem(text) == ""
    assert moment_of(text) == at
