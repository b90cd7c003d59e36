"""What every codexhost plugin in Python needs: PROTOCOL.md, and nothing of a kind.

Needs grpcio and protobuf. A plugin calls serve() with its gRPC handlers; it does not return. What it wants to tell or
ask the host goes by way of codexhost.host.
"""

import itertools
import json
import os
import queue
import signal
import sys
import tempfile
import threading
from concurrent import futures

try:
    import grpc

    import plugin_pb2 as pb
except ImportError as e:
    sys.exit(f"{e}: this plugin needs grpcio and protobuf (pip install grpcio protobuf; Debian: python3-grpcio)")

COOKIE = ("CODEXHOST_PLUGIN", "5f0c6d1c-provider")
MAX_MESSAGE = 64 << 20


def serve(kind, *handlers, name, version, description="", env={}, settings={}, needs=(), versions=(1,)):
    """Serves the handlers on a socket and ends the process when the host says so or is gone.

    The rest is the manifest. env and settings are the names of what the plugin would like to see, with the reasons.
    """
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit("This is a plugin: codexhost starts it. Try `codexhost plugin check` on it.")
    offered = [int(v) for v in os.environ.get("PLUGIN_PROTOCOL_VERSIONS", "1").split(",")]
    common = [v for v in offered if v in versions]
    if not common:
        sys.exit(f"The host speaks the versions {offered}, this plugin {list(versions)}.")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the host

    # A call that waits keeps its thread, so there are more of them than the host has calls under way.
    server = grpc.server(
        futures.ThreadPoolExecutor(64),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    manifest = pb.Manifest(
        name=name,
        version=version,
        description=description,
        contracts=[pb.Contract(kind=kind, versions=versions)],
        env=[pb.Variable(name=n, why=why) for n, why in env.items()],
        settings=[pb.Setting(name=n, description=what) for n, what in settings.items()],
        needs=needs,
    )
    server.add_generic_rpc_handlers((_health(), _controller(server), host._handlers(manifest), *handlers))
    folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp()
    address = os.path.join(folder, f"{os.getpid()}.sock")
    if server.add_insecure_port("unix:" + address) == 0:
        sys.exit("Cannot listen on " + address)
    server.start()

    sys.stdout.write(f"1|{max(common)}|unix|{address}|grpc|\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # whatever is printed from here on is for people

    while os.read(0, 4096):  # nothing ever comes; the end says that the host is gone
        pass
    os._exit(0)


def unary(call, request=None, response=None):
    """A handler of bytes, or of messages if their classes are given."""
    return grpc.unary_unary_rpc_method_handler(
        call, request and request.FromString, response and response.SerializeToString
    )


def _health():
    def check(request, context):
        # HealthCheckRequest is a service's name in field 1, HealthCheckResponse a status, 1 being SERVING.
        if request[2:] not in (b"", b"plugin"):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return b"\x08\x01"

    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": unary(check)})


def _controller(server):
    def shutdown(request, context):
        def end():
            server.stop(0.2).wait(1)
            os._exit(0)

        threading.Thread(target=end, daemon=True).start()
        return b""

    return grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": unary(shutdown)})


class NoAnswer(Exception):
    """Nobody can be asked, or the call ended before anybody answered."""


class Host:
    """The stream on which a plugin talks to its host. Every method may be called from any thread."""

    def __init__(self):
        self._out = queue.Queue(256)  # waits for a host, which may never come
        self._welcome = threading.Event()
        self._settings = {}
        self._ids = itertools.count(1)
        self._asked = {}  # queues for one answer each, by id
        self._lock = threading.Lock()  # guards _asked

    def settings(self):
        """The table [codexhost.plugins.NAME.settings] as a dict. It does not change. A host that is old sends none."""
        self._welcome.wait(3)
        return self._settings

    def log(self, level, text):
        """Writes to the host's log. level is debug, info, warning or error."""
        self._put(pb.PluginMessage(log=pb.Log(level=level, text=text)))

    def changed(self):
        """Says that what was listed before does not hold any more."""
        self._put(pb.PluginMessage(changed=pb.Changed()))

    def elicit(self, context, params):
        """Asks the user on behalf of the call whose context this is; its time stands still meanwhile.

        params are like those of MCP's elicitation/create, the answer is like its result. Raises NoAnswer.
        """
        call = dict(context.invocation_metadata()).get("codexhost-call", "")
        answers, id = queue.SimpleQueue(), next(self._ids)
        with self._lock:
            self._asked[id] = answers
        if not context.add_callback(lambda: answers.put(None)):
            answers.put(None)
        elicit = pb.Elicit(id=id, call=call, params_json=json.dumps(params).encode())
        if not self._welcome.wait(3) or not self._put(pb.PluginMessage(elicit=elicit)):
            answers.put(None)
        answer = answers.get()
        with self._lock:
            self._asked.pop(id, None)
        if answer is None:
            self._put(pb.PluginMessage(elicit_gone=pb.ElicitGone(id=id)))
            raise NoAnswer("nobody has answered")
        if answer.error:
            raise NoAnswer(answer.error)
        return json.loads(answer.result_json)

    def _put(self, message):
        try:
            self._out.put_nowait(message)
            return True
        except queue.Full:
            return False

    def _handlers(self, manifest):
        return grpc.method_handlers_generic_handler(
            "codexhost.plugin.v1.Plugin",
            {
                "Describe": unary(lambda request, context: manifest, pb.DescribeRequest, pb.Manifest),
                "Host": grpc.stream_stream_rpc_method_handler(
                    self._stream, pb.HostMessage.FromString, pb.PluginMessage.SerializeToString
                ),
            },
        )

    def _stream(self, messages, context):
        end = object()  # of this stream, in a queue that outlives it
        threading.Thread(target=self._read, args=(messages, end), daemon=True).start()
        while (message := self._out.get()) is not end:
            if isinstance(message, pb.PluginMessage):
                yield message

    def _read(self, messages, end):
        try:
            for m in messages:
                kind = m.WhichOneof("kind")  # None is a message of a later version
                if kind == "welcome" and not self._welcome.is_set():
                    self._settings = json.loads(m.welcome.settings_json or b"{}")
                    self._welcome.set()
                elif kind == "answer":
                    self._settle(m.answer.id, m.answer)
        except grpc.RpcError:
            pass  # the host is gone
        with self._lock:
            open = list(self._asked)
        for id in open:
            self._settle(id, None)
        self._out.put(end)

    def _settle(self, id, answer):
        with self._lock:
            answers = self._asked.get(id)
        if answers is not None:
            answers.put(answer)


host = Host()
