"""One scenario with the python-socketio client; what it saw is printed as one line of JSON.

usage: client.py URL TRANSPORT SCENARIO      (driven by python.test.mjs)
"""

import json
import queue
import sys

import socketio

LIMIT = 10  # seconds; every wait ends

class Client:
    """A client whose events land in a queue, so that a scenario can wait for them."""

    def __init__(self, url, transport, **options):
        self.events = queue.Queue()
        self.io = socketio.Client(reconnection=False)
        self.io.on("*", lambda name, *args: self.events.put([name, *args]))
        self.io.on("connect", lambda: self.events.put(["connect"]))
        self.io.on("disconnect", lambda reason: self.events.put(["disconnect", reason]))
        self.io.on("connect_error", lambda data=None: self.events.put(["connect_error", data]))
        self.io.connect(url, transports=[transport], wait_timeout=LIMIT, **options)

    def next(self):
        return self.events.get(timeout=LIMIT)

    def close(self):
        self.io.disconnect()


def flows(url, transport):
    sender, other = Client(url, transport), Client(url, transport)
    assert sender.next() == ["connect"] and other.next() == ["connect"]
    seen = []
    for name, payload in [
        ("update", {"nested": [{"a": None}, 1.5, True]}),
        ("update", "Größe 漢 🎉"),
        ("database-change", {"type": "task-created", "id": 1}),
        ("update", bytes([0, 1, 30, 128, 255])),
        ("update", {"photo": b"one", "more": [b"two"]}),
        ("update", ("several", 2, None)),
        ("update", None),
    ]:
        if payload is None:
            sender.io.emit(name)
        else:
            sender.io.emit(name, payload)
        mine, theirs = sender.next(), other.next()
        assert mine == theirs, (mine, theirs)
        seen.append(printable(theirs))
    sender.close()
    other.close()
    return seen


def acks(url, transport):
    client = Client(url, transport)
    answers = [client.io.call(name, {"n": 1}, timeout=LIMIT) for name in ("update", "no-such-rule")]
    client.close()
    return answers


def leaving(url, transport):
    client = Client(url, transport)
    client.next()
    client.close()
    return [client.next()]


def unknown_namespace(url, transport):
    try:
        Client(url, transport, namespaces=["/nope"])
    except socketio.exceptions.ConnectionError as error:
        return [str(error)]
    return ["connected"]


def large(url, transport):
    client = Client(url, transport)
    client.next()
    client.io.emit("update", "x" * 500_000)
    name, text = client.next()
    client.close()
    return [name, len(text)]


def printable(value):
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, (list, tuple)):
        return [printable(v) for v in value]
    if isinstance(value, dict):
        return {k: printable(v) for k, v in value.items()}
    return value


if __name__ == "__main__":
    url, transport, scenario = sys.argv[1:]
    print(json.dumps(globals()[scenario](url, transport)), flush=True)
