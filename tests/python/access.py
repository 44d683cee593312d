"""The python-socketio client before a relay that asks who it is; what it met is printed as JSON.

usage: access.py outcomes URL TRANSPORT     standard input: a JSON list of `auth`; prints "in" or CONNECT_ERROR's words, for each
       access.py renews URL TRANSPORT       mints a token of two seconds for each connect; prints why it was disconnected, twice
"""

import base64
import hashlib
import hmac
import json
import os
import queue
import sys
import time

import socketio

LIMIT = 15  # seconds; every wait ends


def outcomes(url, transport):
    return [outcome(url, transport, auth) for auth in json.load(sys.stdin)]


def outcome(url, transport, auth):
    client = socketio.Client(reconnection=False)
    met = queue.Queue()
    client.on("connect", lambda: met.put("in"))
    client.on("connect_error", met.put)
    # Not ended: this client, told to disconnect while it posts, sometimes waits for a poll that nobody ends.
    client.connect(url, auth=auth, transports=[transport], wait=False)
    return met.get(timeout=LIMIT)


def renews(url, transport):
    client = socketio.Client(reconnection=True, reconnection_delay=0.05, reconnection_delay_max=0.2, randomization_factor=0)
    events = queue.Queue()
    client.on("connect", lambda: events.put("connect"))
    client.on("disconnect", events.put)
    client.on("connect_error", events.put)
    client.connect(url, auth=lambda: {"token": minted(2)}, transports=[transport], wait_timeout=LIMIT)
    return [events.get(timeout=LIMIT) for _ in range(5)]


def minted(ttl_s):
    """A token by the secret of `tests/lib/tokens.mjs`."""
    claims = {"iss": "https://idp.test", "aud": "fanfare", "sub": "1", "account": "7", "exp": int(time.time()) + ttl_s}
    said = b".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    signature = hmac.digest(b"a secret of thirty-two characters", said, hashlib.sha256)
    return b".".join((said, base64url(signature))).decode()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


if __name__ == "__main__":
    scenario, url, transport = sys.argv[1:]
    print(json.dumps(globals()[scenario](url, transport)), flush=True)
    os._exit(0)  # whoever still polls does not hold it up
