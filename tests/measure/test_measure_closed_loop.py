"""The whole loop over HTTP: a drop nobody tells of, a demotion, a new pass; and nothing where nothing fell."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "closed_loop.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("closed_loop", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["closed_loop"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("seed", "restart"), [(1, None), (2, 560)])
def test_a_silent_drop_is_alarmed_demoted_and_mended_without_anybody(
    bench: ModuleType, tmp_path: Path, seed: int, restart: int | None
) -> None:
    """With a restart between drop and alarm, or wherever it falls: nothing changes but time."""
    scale = bench.Scale(horizon=4_000, drop=240, mended=720, points=0.2)
    one = asyncio.run(bench.run(seed, drop=True, scale=scale, folder=tmp_path, restart=restart))
    assert one.demotions == 1
    assert one.requalified
    assert one.keeps
    assert one.watch_usd <= one.cap_usd


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_demoted_where_nothing_fell(bench: ModuleType, tmp_path: Path) -> None:
    one = asyncio.run(bench.run(3, drop=False, scale=bench.Scale(horizon=800), folder=tmp_path))
    assert one.demotions == 0
    assert one.keeps
