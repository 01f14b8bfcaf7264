"""The section `proof`: which certificates a config brings into force, and which lock it refuses."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from baton.config.lock import grades_path, lock_text, read_lock
from baton.config.proof import references_of
from baton.config.schema import Config
from baton.measure.evidence import climbed
from baton.measure.files import bytes_of, hash_of
from baton.measure.lock import write_lock
from baton.types.errors import ConfigError
from tests.config.texts import parsed
from tests.measure.made import FRONTIER, MID, MODELS, NANO, header, rows

PRICE = "price: {input_usd: 1, output_usd: 2}, context_window: 1000, max_output: 100"


def config_of(lock: Path, mode: str = "certified", mid: str = "sim-mid") -> Config:
    tiers = {FRONTIER: ("frontier", "sim-frontier"), MID: ("mid", mid), NANO: ("small", "sim-nano")}
    models = "\n".join(
        f"  - {{id: {name}, tier: {tier}, upstream: {upstream}, {PRICE}}}" for name, (tier, upstream) in tiers.items()
    )
    return parsed(
        f"providers: {{sim: {{base_url: 'http://localhost:1/v1', auth: none}}}}\n"
        f"models:\n{models}\nproof: {{mode: {mode}, lock: '{lock}'}}\n"
    )


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = bytes_of(header(), made := rows(1, 900, {MID: 0.0, NANO: 0.3}))
    path = tmp_path / "policy.lock"
    write_lock(path, climbed(header(), made, hash_of(file)).certificates, {hash_of(file): file})
    return path


def test_what_the_fixtures_name_is_what_the_config_means(lock: Path) -> None:
    from baton.types.certificate import identity

    config = config_of(lock)
    assert {name: identity(card) for name, card in config.snapshot.cards.items()} == MODELS
    assert references_of(config.snapshot)["classification"] == FRONTIER


def test_certified_reads_the_lock_and_rules_does_not(lock: Path) -> None:
    snapshot = config_of(lock).snapshot
    assert (snapshot.mode, [one.rung for one in snapshot.certificates]) == ("certified", [MID])
    assert config_of(lock, mode="rules").snapshot.certificates == ()


def test_without_a_lock_everything_goes_to_the_reference_and_is_told(tmp_path: Path) -> None:
    config = config_of(tmp_path / "none.lock")
    assert (config.snapshot.mode, config.snapshot.certificates) == ("certified", ())
    assert any("every task goes to its reference" in note for note in config.notes)


def test_a_void_certificate_is_left_out_and_told(lock: Path) -> None:
    changed = config_of(lock, mid="sim-mid-2")
    assert changed.snapshot.certificates == ()
    assert any("is void" in note and "sim-mid-2" in note for note in changed.notes)
    (one,) = read_lock(lock)
    grades_path(lock, one.grades).unlink()
    assert any("its grades cannot be read" in note for note in config_of(lock).notes)


@pytest.mark.parametrize("text", ["{", '{"version": 9}', "edited"])
def test_a_lock_that_cannot_be_believed_stops_the_config(lock: Path, text: str) -> None:
    if text == "edited":
        (one,) = read_lock(lock)
        text = lock_text([one]).replace('"rho": 0.95', '"rho": 0.99')
        assert text != lock_text([replace(one)])
    lock.write_text(text)
    with pytest.raises(ConfigError, match=r"proof\.lock: "):
        config_of(lock)
    assert config_of(lock, mode="rules").snapshot.mode == "rules"
