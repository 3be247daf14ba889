"""Coroutines with an event loop.

must: value "ok"
"""


def attempt():
    import asyncio

    async def work(x):
        await asyncio.sleep(0.001)
        return x

    async def main():
        return await asyncio.gather(*(work(i) for i in range(5)))

    return "ok" if asyncio.run(main()) == [0, 1, 2, 3, 4] else "wrong"
