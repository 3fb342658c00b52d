"""A client that has an echo server echo what it sends, and prints how its connections closed.

With --deflate it insists on compression.
"""

import asyncio
import sys

from websockets.asyncio.client import connect


COMPRESSION = "deflate" if "--deflate" in sys.argv else None


def open_to(url):
    return connect(url, subprotocols=["other", "echo"], max_size=2**26, compression=COMPRESSION)


async def main(url):
    async with open_to(url) as connection:
        assert connection.subprotocol == "echo", connection.subprotocol
        extensions = [extension.name for extension in connection.protocol.extensions]
        assert extensions == (["permessage-deflate"] if COMPRESSION else []), extensions
        fragments = ["frag", "", "mént", "s"]
        for sent in ["", "Hello", "κόσμε 🌍", b"", bytes(range(256)), "x" * 70_000, b"y" * 2**21]:
            await connection.send(sent)
            assert await connection.recv() == sent
        await connection.send(fragments)
        assert await connection.recv() == "".join(fragments)
        await (await connection.ping(b"are you there"))
        await connection.close(4321, "that is all")
    print(connection.close_code, connection.close_reason)

    async with open_to(url) as connection:
        await connection.send("please close")
        await connection.wait_closed()
    print(connection.close_code, connection.close_reason)


asyncio.run(main(sys.argv[1]))
