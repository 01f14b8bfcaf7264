"""Is it alive, is it ready, what does it count: for load balancers, orchestrators of containers and Prometheus."""

from baton.flow.arrival import Reply
from baton.server.visit import Visit, json_reply

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def alive(_visit: Visit) -> Reply:
    """The process answers; nothing else is asked."""
    return json_reply({"status": "ok"})


async def ready(visit: Visit) -> Reply:
    """Requests can be served and recorded: there are models, and the ledger takes rows."""
    health = visit.house.ledger.health()
    problems = ["Baton is stopping"] if visit.house.life.stopping else []
    if not visit.house.config.snapshot.cards:
        problems.append("no model is configured: set a provider's key or write a baton.yaml")
    if health.last_error:
        problems.append(f"the ledger cannot write: {health.last_error}")
    return json_reply({"status": "not ready" if problems else "ok", "problems": problems}, 503 if problems else 200)


async def health(visit: Visit) -> Reply:
    """Ready, with figures of the ledger."""
    state = visit.house.ledger.health()
    return json_reply(
        {
            "status": "degraded" if state.last_error or state.dropped or visit.house.life.config_problems else "ok",
            "models": len(visit.house.config.snapshot.cards),
            "config_problems": visit.house.life.config_problems,
            "ledger": state,
        }
    )


async def metrics(visit: Visit) -> Reply:
    return Reply(200, {"content-type": METRICS_TYPE}, visit.house.metrics())


async def hello(_visit: Visit) -> Reply:
    return json_reply({"name": "baton", "try": "POST /v1/chat/completions with model 'auto'", "models": "/v1/models"})
