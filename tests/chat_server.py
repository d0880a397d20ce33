"""A server of chat completions for tests, which behaves as it is told to, and notes what it got."""

import base64
import contextlib
import io
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from advlib.shards.chunk import Chunk
from advlib.shards.sources.cifar import CIFAR10_NAMES
from advlib.shards.writer import Writer


@dataclass
class Reply:
    """What the server sends: a status, a body as JSON or as text, headers; `cut` ends half-way."""

    status: int = 200
    body: object = None
    headers: dict = field(default_factory=dict)
    seconds: float = 0.0
    cut: bool = False


def completion(text, finish="stop", **message):
    """A chat completion as servers send it."""
    choice = {"index": 0, "finish_reason": finish}
    return {
        "id": "x",
        "object": "chat.completion",
        "model": "seer-2026",
        "system_fingerprint": "fp_1",
        "choices": [{**choice, "message": {"role": "assistant", "content": text, **message}}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320},
    }


def refused(message, status=400, **more):
    return Reply(status, {"error": {"message": message, **more}})


class Quiet(io.RawIOBase):
    """Writes to a socket without SIGPIPE, which ends a process in which a command has run."""

    def __init__(self, connection):
        self.connection = connection

    def writable(self):
        return True

    def write(self, data):
        self.connection.sendall(data, socket.MSG_NOSIGNAL)
        return len(data)


class Server:
    """A server at `address`.

    behave: from a request's body and how often its picture came before to a Reply, or None for the
    right answer.  requests: (path, headers, body) of all that came.
    """

    def __init__(self, behave: Callable[[dict, int], Reply | None]):
        self.behave, self.requests = behave, []
        self.counts: Counter[str] = Counter()
        self.at_once, self._now = 0, 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.wfile = Quiet(self.connection)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.handle(self, body)

            def log_message(self, *words):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}/v1"

    def handle(self, handler, body):
        url = picture_url(body)
        with self._lock:
            before = self.counts[url]
            self.counts[url] += 1
            self.requests.append((handler.path, dict(handler.headers), body))
            self._now += 1
            self.at_once = max(self.at_once, self._now)
        try:
            reply = self.behave(body, before) or Reply(body=completion(right_answer(body)))
            time.sleep(reply.seconds)
            self._send(handler, reply)
        finally:
            with self._lock:
                self._now -= 1

    def _send(self, handler, reply):
        data = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        with contextlib.suppress(ConnectionError):
            handler.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data.encode()[: len(data) // 2 if reply.cut else None])
            handler.wfile.flush()
            if reply.cut:
                handler.close_connection = True

    @property
    def asked(self) -> int:
        """How many requests came."""
        return len(self.requests)


@contextlib.contextmanager
def serving(behave=lambda body, before: None) -> Iterator[Server]:
    server = Server(behave)
    thread = threading.Thread(target=lambda: server._http.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server._http.shutdown()
        server._http.server_close()
        thread.join()


def picture_url(body: dict) -> str:
    return body["messages"][0]["content"][1]["image_url"]["url"]


def pixels_of(body: dict) -> np.ndarray:
    """The picture in a request."""
    encoded = picture_url(body).removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))


def number_of(body: dict) -> int:
    """The number of the image in a request, which `write_attacked` wrote into a pixel."""
    return int(pixels_of(body)[0, 0, 1])


def right_answer(body: dict) -> str:
    """What the picture itself says that it is: see `write_attacked`."""
    return f"It is clear to me.\n{CIFAR10_NAMES[int(pixels_of(body)[0, 0, 0]) % 10]}, higher"


def write_attacked(folder: Path, count: int = 12) -> None:
    """The set `attacked`: of image i the attacked picture says class i + 1, the clean one i."""
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    number = np.arange(count)
    image[:, 0, 0, 0], image[:, 0, 0, 1] = number % 10, number
    other = image.copy()
    other[:, 0, 0, 0] = (number + 1) % 10
    fields = {
        "adversarial": (other / 255).astype(np.float32),
        "prediction": (number + 2) % 10,
        "clean_prediction": number % 10,
    }
    with Writer(str(folder / "attacked"), "sample", class_names=CIFAR10_NAMES) as writer:
        writer.write(Chunk(image, number % 10, number, fields))
