"""A program started from an event loop.

must: value "ok"
request: {"sandbox": {"programs": true}}
"""

import asyncio


async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate(b"ok")
    return out.decode()


def attempt():
    return asyncio.run(main())
