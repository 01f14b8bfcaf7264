"""The command `baton`: one file per command, heavy imports inside the command that needs them.

May import everything. Start with the command's own file.
"""

import sys

import typer

from baton.cli.backtest import backtest
from baton.cli.baseline import baseline
from baton.cli.cascade import cascade
from baton.cli.certify import certify
from baton.cli.content import content_app
from baton.cli.demo.command import demo
from baton.cli.drift import drift_app
from baton.cli.explain import explain
from baton.cli.handoff import handoff
from baton.cli.import_litellm import import_app
from baton.cli.keys import keys_app
from baton.cli.label import label
from baton.cli.ladder import ladder
from baton.cli.learn import learn
from baton.cli.orchestrate import orchestrate, trace
from baton.cli.promote import promote
from baton.cli.report import report
from baton.cli.route import route
from baton.cli.schema import schema
from baton.cli.simulate import simulate
from baton.cli.spend import spend
from baton.cli.up import up
from baton.cli.validate import validate
from baton.cli.verify import verify
from baton.cli.wire.command import unwire, wire
from baton.types.errors import BatonError, ConfigError

app = typer.Typer(
    name="baton",
    help="Send every task to the cheapest model that is good enough.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (
    up,
    demo,
    route,
    explain,
    backtest,
    cascade,
    handoff,
    report,
    spend,
    validate,
    schema,
    simulate,
    wire,
    unwire,
):
    app.command()(command)
for command in (baseline, ladder, certify, verify, promote, label, learn):
    app.command(rich_help_panel="Proof")(command)
app.command(rich_help_panel="Orchestrator")(orchestrate)
app.command(rich_help_panel="Orchestrator")(trace)
app.add_typer(import_app, name="import")
app.add_typer(keys_app, name="keys")
app.add_typer(content_app, name="content")
app.add_typer(drift_app, name="drift", rich_help_panel="Proof")


def main() -> None:
    """Errors that are the user's are told in plain lines on standard error, with exit code 1 (2: wrong options)."""
    try:
        app()
    except ConfigError as error:
        sys.stderr.write("\n".join(error.problems) + "\n")
        sys.exit(1)
    except (BatonError, OSError) as error:
        sys.stderr.write(f"baton: {error}\n")
        sys.exit(1)
