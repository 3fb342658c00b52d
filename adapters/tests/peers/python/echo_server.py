"""An echo server on a loopback port of the system's choice, which it prints.

With --deflate it insists on compression.
"""

import asyncio
import sys
from contextlib import suppress

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError


COMPRESSION = "deflate" if "--deflate" in sys.argv else None


async def echo(connection):
    extensions = [extension.name for extension in connection.protocol.extensions]
    assert extensions == (["permessage-deflate"] if COMPRESSION else []), extensions
    # A close with another code than 1000 and 1001 is an exception here.
    with suppress(ConnectionClosedError):
        async for message in connection:
            if message == "please close":
                await connection.close(3999, "going")
            else:
                await connection.send(message)


async def main():
    async with serve(
        echo, "127.0.0.1", 0, subprotocols=["echo"], max_size=2**26, compression=COMPRESSION
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        # Until the test closes our standard input.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
