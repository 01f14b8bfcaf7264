"""Code of unknown origin: what it may not do at any level, and that it cannot pass without doing the work."""

import os
import socket
import textwrap
import time
from pathlib import Path

import pytest

from baton.check.sandbox.levels import NoSandbox, Sandbox, best_sandbox, sandbox_of
from baton.check.sandbox.python_tests import run_tests
from baton.check.verify import verify
from baton.types.verdict import Answer, Executes, Verdict

SQUARE = ("assert square(3) == 9", "assert square(-2) == 4")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return best_sandbox()


def judged(code: str, tests: tuple[str, ...] = SQUARE, timeout_s: float = 2.0) -> Verdict:
    return verify(Executes(tests, timeout_s=timeout_s), Answer(f"```python\n{textwrap.dedent(code)}\n```"))


def said(code: str, sandbox: Sandbox) -> str:
    run = run_tests(textwrap.dedent(code), ["assert False, result"], timeout_s=3.0, memory_mib=256, sandbox=sandbox)
    return run.problem or run.said[0]


def test_right_code_passes_and_the_level_is_recorded(sandbox: Sandbox) -> None:
    verdict = judged("def square(x):\n    return x * x")
    assert (verdict.passed, verdict.score, verdict.level) == (True, 1.0, sandbox.level)


def test_the_score_is_the_share_of_tests_that_pass() -> None:
    verdict = judged("def square(x):\n    return 9")
    assert (verdict.passed, verdict.score) == (False, 0.5)
    assert "assert" in verdict.reason


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.exit(0)",
        "import os\nos._exit(0)",
        "print('passed')\nraise SystemExit",
        'import os\nos.write(1, b\'["passed", "passed"]\')\nos._exit(0)',
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "AssertionError = ValueError\ndef square(x):\n    return 0",
        "import builtins\nbuiltins.AssertionError = StopIteration\ndef square(x):\n    return 0",
        "def square(x):\n    return x +",
        "",
        "class Liar(int):\n    pass\ndef square(x):\n    raise Liar",
    ],
)
def test_a_pass_cannot_be_had_without_the_work(code: str) -> None:
    verdict = judged(code)
    assert not verdict.passed
    assert verdict.score == 0.0


def test_an_endless_loop_is_stopped() -> None:
    begun = time.monotonic()
    verdict = judged("while True:\n    pass", timeout_s=1.0)
    assert not verdict.passed
    assert time.monotonic() - begun < 8.0


def test_memory_is_limited(sandbox: Sandbox) -> None:
    assert "MemoryError" in said(
        "try:\n    result = len(bytearray(10**9))\nexcept MemoryError:\n    result = 'MemoryError'", sandbox
    )


def test_files_are_limited_and_stay_inside(sandbox: Sandbox) -> None:
    code = """
        import os, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            with open("big", "wb") as file:
                for _ in range(64):
                    file.write(bytes(1 << 20))
            result = "written"
        except OSError:
            result = "stopped"
    """
    assert "stopped" in said(code, sandbox)
    outside = "try:\n    open('/etc/baton-test', 'w')\n    result = 'written'\nexcept OSError:\n    result = 'stopped'"
    assert "stopped" in said(outside, sandbox)
    assert not Path("/etc/baton-test").exists()


def test_the_network_is_out_of_reach(sandbox: Sandbox) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        code = f"""
            import socket
            try:
                socket.create_connection(("127.0.0.1", {listener.getsockname()[1]}), timeout=1)
                result = "reached"
            except OSError:
                result = "out of reach"
        """
        assert "out of reach" in said(code, sandbox)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that its sandboxed self may not read")
def test_secrets_of_the_user_are_out_of_reach(sandbox: Sandbox, tmp_path: Path) -> None:
    if sandbox.level == "unshare-user":
        pytest.skip("level unshare-user reads what its user reads: stated in the table of levels")
    secret = tmp_path / "secret"
    secret.write_text("sk-canary")
    secret.chmod(0o600)
    code = f"try:\n    result = open({str(secret)!r}).read()\nexcept OSError:\n    result = 'out of reach'"
    assert "out of reach" in said(code, sandbox)


def test_processes_of_the_machine_are_not_seen(sandbox: Sandbox) -> None:
    count = int(said("import os\nresult = sum(name.isdigit() for name in os.listdir('/proc'))", sandbox).split()[-1])
    assert count <= 4


def test_the_environment_is_not_handed_on(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert "sk-canary" not in said("import os\nresult = dict(os.environ)", sandbox)


def test_a_flood_of_output_does_no_harm() -> None:
    verdict = judged(
        "import sys\ndef square(x):\n    sys.stdout.write('x' * 10_000_000)\n    return x * x", timeout_s=4.0
    )
    assert verdict.passed


def test_a_level_that_does_not_exist_here_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NoSandbox, match="'bwrap' does not work here: not installed"):
        sandbox_of("bwrap")


def test_without_any_sandbox_the_check_says_that_it_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    best_sandbox.cache_clear()
    try:
        verdict = judged("def square(x):\n    return x * x")
    finally:
        best_sandbox.cache_clear()
    assert (verdict.passed, verdict.ran, verdict.level) == (False, False, "none")
    assert "bubblewrap" in verdict.reason
