"""While Baton runs it learns from the ledger's new grades, takes up what is better, and says what it cannot read."""

import asyncio
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from msgspec.structs import replace

from baton.config.load import load_config
from baton.flow.house import open_house
from baton.record.unread import unread
from baton.server.app import App
from baton.server.refit import Refits
from baton.server.reload import Reloader
from baton.types.outcome import Content, Finished
from tests.config.texts import FLEET
from tests.measure.lessons import graded_subjects
from tests.measure.test_measure_backtest import STRONG, WEAK, finished, ledger

LEARN = (sys.executable, "-m", "baton", "learn")


def asked(number: int, prompt: str, model: str, source: str = "declared") -> Finished:
    content = json.dumps({"model": "auto", "messages": [{"role": "user", "content": prompt}]}).encode()
    row = finished(number, model)
    assert row.decision is not None
    decision = replace(row.decision, task_type_source=source, difficulty=None if source == "default" else 0.4)
    return replace(row, at=2e9 + number, decision=decision, content=Content(content, b"{}"))


def served(app: App) -> int | None:
    learned = app.house.policy.snapshot.learned
    return None if learned is None else learned.version


def taught(path: Path, prompts: int, seed: int) -> None:
    lessons = graded_subjects(prompts, seed, models=(WEAK, STRONG))
    rows = [
        (asked(seed * 100_000 + 2 * row + column, prompt, model), float(lessons.quality[row, column]))
        for row, prompt in enumerate(lessons.prompts)
        for column, model in enumerate(lessons.models)
    ]
    ledger(path, rows)


def test_grades_of_the_ledger_are_learned_and_taken_up_while_it_runs(tmp_path: Path) -> None:
    file, kept, place = tmp_path / "baton.yaml", tmp_path / "kept", tmp_path / "ledger.db"
    file.write_text(f"{FLEET}learned: {{path: {kept}, refit_hours: 0.0001}}\nledger: {{path: {place}}}\n")
    taught(place, 250, 1)

    async def main() -> None:
        house = open_house(load_config(file, {}))
        app = App(house)
        reloader = Reloader(app, lambda: load_config(file, {}), file)
        refits = Refits(lambda: app.house, (*LEARN, "--config", str(file)), lambda: 0.0)
        try:
            assert served(app) is None
            told = await refits.once(400)
            assert told is not None
            assert (told["accepted"], told["version"], told["labels"]) == (True, 1, 500)
            again = await refits.once(400)
            assert again is not None
            assert again["version"] is None
            assert "0 grades are new to what serves, and 400 are asked for" in again["why"]
            await reloader.reload()
            assert served(app) == 1
        finally:
            await house.close()

    asyncio.run(main())


def test_a_command_that_fails_is_told_in_the_log_and_changes_nothing(tmp_path: Path, caplog) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "baton.yaml"
    file.write_text(f"{FLEET}learned: {{path: {tmp_path / 'kept'}}}\nledger: {{path: {tmp_path / 'ledger.db'}}}\n")

    async def main() -> None:
        house = open_house(load_config(file, {}))
        try:
            for command, words in (
                ((sys.executable, "-c", "raise SystemExit('no disk')"), "no disk"),
                ((str(tmp_path / "none"),), "could not be started"),
            ):
                assert await Refits(lambda: house, command, lambda: 0.0).once(1) is None
                assert words in caplog.text
        finally:
            await house.close()

    asyncio.run(main())


def test_traffic_that_nobody_can_place_is_told_to_who_watches(tmp_path: Path) -> None:
    heard: list[dict[str, object]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Listener)
    Thread(target=listener.serve_forever, daemon=True).start()
    file, place = tmp_path / "baton.yaml", tmp_path / "ledger.db"
    hook = f"{{url: 'http://127.0.0.1:{listener.server_port}/', secret: 'a-long-secret-of-32-characters-xx', allow_private: true}}"
    text = f"{FLEET}learned: {{path: {tmp_path / 'kept'}}}\nledger: {{path: {place}}}\nwebhooks: [{hook}]\n"
    file.write_text(text)
    odd = [(asked(row, "hm", WEAK, "default"), None) for row in range(300)]
    ledger(place, [*odd, *((asked(1_000 + row, "hello", WEAK), None) for row in range(100))])
    found = unread(place, 0.0)
    assert (found.requests, found.other, found.abstained) == (400, 300, 300)

    async def main() -> None:
        house = open_house(load_config(file, {}))
        try:
            told = await Refits(lambda: house, (*LEARN, "--config", str(file)), lambda: 0.0).once(1)
            assert told is not None
            assert not told["accepted"]
            for _ in range(100):
                if len(heard) >= 2:
                    break
                await asyncio.sleep(0.05)
        finally:
            await house.close()

    asyncio.run(main())
    listener.shutdown()
    listener.server_close()
    assert {(one["kind"], one["name"]) for one in heard} == {("alarm", "unread_traffic")}
    assert any("have no task type" in str(one) for one in heard)
