"""Sub-tasks run as soon as what they need is there, side by side: a run takes as long as its longest chain.

Every sub-task comes to an end that is told: verified, unresolved, or unresolved because of what it needs or of time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from baton.flow.orchestrate.work import Part, Unresolved
from baton.types.plan import SubTask

OVER = "the time of the run was over"

Doing = Callable[[SubTask, Mapping[str, Part]], Awaitable[Part]]


async def carry_out(tasks: Sequence[SubTask], do: Doing, *, width: int, seconds: float) -> dict[str, Part]:
    """`do` gets a sub-task with the parts that it needs, all of them verified. Ids are known and free of cycles.

    Never longer than `seconds`. Whatever `do` raises cancels the others and is raised; so does being cancelled.
    """
    parts: dict[str, Part] = {}
    done = {task.id: asyncio.Event() for task in tasks}
    room = asyncio.Semaphore(width)

    async def one(task: SubTask) -> None:
        for name in task.needs:
            await done[name].wait()
        missing = [name for name in task.needs if parts[name].verified is None]
        if missing:
            parts[task.id] = Part(task.id, Unresolved(task.id, f"it needs {missing[0]}, which is unresolved"))
        else:
            async with room:
                parts[task.id] = await do(task, {name: parts[name] for name in task.needs})
        done[task.id].set()

    try:
        async with asyncio.timeout(max(0.0, seconds)), asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(one(task))
    except TimeoutError:
        pass
    except ExceptionGroup as group_of:
        raise group_of.exceptions[0] from None
    return {task.id: parts.get(task.id) or Part(task.id, Unresolved(task.id, OVER)) for task in tasks}
