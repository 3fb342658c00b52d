"""A client that has an echo server echo what it sends, and prints how the connection closed."""

import asyncio
import sys

from websockets.asyncio.client import connect


async def main(url):
    async with connect(
        url, subprotocols=["other", "echo"], max_size=2**26, compression=None
    ) as connection:
        assert connection.subprotocol == "echo", connection.subprotocol
        fragments = ["frag", "", "mént", "s"]
        for sent in ["", "Hello", "κόσμε 🌍", b"", bytes(range(256)), "x" * 70_000, b"y" * 2**21]:
            await connection.send(sent)
            assert await connection.recv() == sent
        await connection.send(fragments)
        assert await connection.recv() == "".join(fragments)
        await (await connection.ping(b"are you there"))
        await connection.close(4321, "that is all")
    print(connection.close_code, connection.close_reason or "-")


asyncio.run(main(sys.argv[1]))
