"""Network: an asynchronous connection.

must: refused
denied: socket(AF_INET)
"""

import asyncio


async def connect():
    await asyncio.open_connection("192.0.2.1", 80)


def attempt():
    try:
        asyncio.run(connect())
    except OSError:
        return "refused"
