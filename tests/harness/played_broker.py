"""A broker that a test plays: its control socket, and the answers that the test wants."""
import contextlib
import json
import socket
import threading
import uuid

import pytest

from .expect import answered


class Broker(threading.Thread):
    """Listens on the control socket of an instance; `answers`: {op: function of the request, or an object}."""

    def __init__(self, stack, instance, answers):
        super().__init__(daemon=True)
        self.answers, self.asked = {"status": {"ok": True, "node": "node-1"}, **answers}, []
        self.path = stack.run_dir / f"{instance}.sock"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen(16)
        self.start()

    def run(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            with contextlib.suppress(BrokenPipeError), connection, connection.makefile("rb") as lines:
                for line in lines:
                    connection.sendall(self.answer(json.loads(line)))

    def answer(self, request):
        self.asked.append(request)
        answer = self.answers.get(request["op"], {"ok": False, "error": "unknown op"})
        answer = answer(request) if callable(answer) else answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.path.unlink()


@pytest.fixture
def instance(shared):
    """One that no broker serves."""
    name = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": name}), "CreateInstance")
    return name


@pytest.fixture
def played(shared):
    """played(instance, {op: answer}) → a broker of the instance; all are closed at the end."""
    made = []

    def make(of, answers):
        made.append(Broker(shared, of, answers))
        return made[-1]

    yield make
    for broker in made:
        broker.close()
