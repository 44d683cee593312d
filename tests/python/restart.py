"""Clients that come back by themselves: each says `connected` and `lost`, a line each, until its standard input ends.

usage: restart.py URL KIND TRANSPORT      KIND: sync, async; TRANSPORT: default, polling, websocket
"""

import asyncio
import os
import sys

import socketio

AGAIN = {"reconnection": True, "reconnection_delay": 0.05, "reconnection_delay_max": 0.2, "randomization_factor": 0}


def say(word):
    print(word, flush=True)


def sync(url, transports):
    client = socketio.Client(**AGAIN)
    client.on("connect", lambda: say("connected"))
    client.on("disconnect", lambda reason: say(f"lost: {reason}"))
    client.connect(url, transports=transports)
    sys.stdin.read()


def asynchronous(url, transports):
    async def run():
        client = socketio.AsyncClient(**AGAIN)

        async def connected():
            say("connected")

        async def lost(reason):
            say(f"lost: {reason}")

        client.on("connect", connected)
        client.on("disconnect", lost)
        await client.connect(url, transports=transports)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        os._exit(0)

    asyncio.run(run())


if __name__ == "__main__":
    url, kind, transport = sys.argv[1:]
    transports = None if transport == "default" else [transport]
    {"sync": sync, "async": asynchronous}[kind](url, transports)
    os._exit(0)  # threads that wait for a relay which is gone have no end of their own
