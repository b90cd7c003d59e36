"""What every codexhost plugin in Python needs: PROTOCOL.md, and nothing of a kind.

Needs grpcio and protobuf. A plugin calls serve() with its gRPC handlers; it does not return.
"""

import os
import signal
import sys
import tempfile
import threading
from concurrent import futures

import grpc

COOKIE = ("CODEXHOST_PLUGIN", "5f0c6d1c-provider")
MAX_MESSAGE = 64 << 20


def serve(*handlers, versions=(1,)):
    """Serves the handlers on a socket and ends the process when the host says so or is gone."""
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
    server.add_generic_rpc_handlers((_health(), _controller(server), *handlers))
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
