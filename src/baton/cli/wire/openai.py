"""Whatever uses an OpenAI SDK: two variables of the environment, printed and written nowhere."""

import shlex

from baton.cli.wire.entries import Gateway

WHERE = 'put these lines into ~/.bashrc, ~/.zshrc or your project\'s .env, or run: eval "$(baton wire openai)"'
WHERE_BACK = 'take the two lines out of where you put them, or run: eval "$(baton unwire openai)"'


def wired(gateway: Gateway) -> str:
    return (
        f"export OPENAI_BASE_URL={shlex.quote(gateway.url + '/v1')}\nexport OPENAI_API_KEY={shlex.quote(gateway.key)}\n"
    )


def unwired() -> str:
    return "unset OPENAI_BASE_URL OPENAI_API_KEY\n"
