"""Passes connections on, and counts them and their bytes: `relay.py PORT`, to that port of loopback.

Its own port is its first line; each line that it is sent is answered by what was counted so far. It runs where there
is nothing but Python, so it imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading

COUNTED = {"requests": 0, "bytes": 0}


async def pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    COUNTED["requests"] += 1
    there = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(pour(reader, there[1]), pour(there[0], writer))
    for end in (writer, there[1]):
        end.close()


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            COUNTED["bytes"] += len(data)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def answer(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    for _ in sys.stdin:
        print(json.dumps(COUNTED), flush=True)
    loop.call_soon_threadsafe(over.set)


async def serve(port: int) -> None:
    server = await asyncio.start_server(lambda reader, writer: pass_on(port, reader, writer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    threading.Thread(target=answer, args=(asyncio.get_running_loop(), over), daemon=True).start()
    await over.wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
