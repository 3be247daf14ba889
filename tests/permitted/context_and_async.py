"""Async generators, context variables, timeouts and queues.

must: value "ok"
"""

import asyncio
import contextvars

variable = contextvars.ContextVar("variable")


async def numbers(queue):
    for n in range(5):
        await queue.put(n)
        await asyncio.sleep(0)


async def main():
    variable.set("ok")
    queue = asyncio.Queue()
    await asyncio.gather(numbers(queue), asyncio.to_thread(sum, [1]) if hasattr(asyncio, "to_thread") else asyncio.sleep(0))
    try:
        await asyncio.wait_for(asyncio.sleep(5), 0.01)
    except asyncio.TimeoutError:
        return variable.get() if queue.qsize() == 5 else "wrong"


def attempt():
    return asyncio.run(main())
