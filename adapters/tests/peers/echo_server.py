"""An echo server on a loopback port of the system's choice, which it prints."""

import asyncio
import sys

from websockets.asyncio.server import serve


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    async with serve(
        echo, "127.0.0.1", 0, subprotocols=["echo"], max_size=2**26, compression=None
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        # Until the test closes our standard input.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
