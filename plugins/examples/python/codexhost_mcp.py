"""An MCP server of Python functions, as the contract codexhost.mcp.v1 wants it."""

import json
import queue
import threading

import grpc

import codexhost
import mcp_pb2 as pb


def serve(name, version, tools):
    """Serves tools: dicts as tools/list has them, with the function under "run"."""
    server = pb.Server(key=f"{name}@{version}", name=name)
    codexhost.serve(
        grpc.method_handlers_generic_handler(
            "codexhost.mcp.v1.Provider",
            {
                "Servers": codexhost.unary(
                    lambda request, context: pb.ServersReply(servers=[server]), pb.ServersRequest, pb.ServersReply
                ),
                "Session": grpc.stream_stream_rpc_method_handler(
                    lambda messages, context: _Stream(name, version, tools).run(messages, context),
                    pb.HostMessage.FromString,
                    pb.ProviderMessage.SerializeToString,
                ),
            },
        )
    )


class _Stream:
    """The one stream of a connection: sessions, and the calls on them."""

    def __init__(self, name, version, tools):
        self.name, self.version = name, version
        self.tools = {t["name"]: t for t in tools}
        self.listed = [{k: v for k, v in t.items() if k != "run"} for t in tools]
        self.out = queue.Queue()
        self.lock = threading.Lock()  # guards the two below
        self.open = set()  # calls without an answer
        self.sessions = set()

    def run(self, messages, context):
        context.add_callback(lambda: self.out.put(None))
        threading.Thread(target=self._read, args=(messages,), daemon=True).start()
        while (message := self.out.get()) is not None:
            yield message

    def _read(self, messages):
        try:
            for m in messages:
                handle = getattr(self, "_" + (m.WhichOneof("kind") or "nothing"), None)
                if handle:  # else it is a message of a later version
                    handle(getattr(m, m.WhichOneof("kind")))
        except grpc.RpcError:
            pass  # the host is gone
        self.out.put(None)

    def _start(self, m):
        if m.server.name != self.name:
            why = f"this plugin has the server {self.name!r} and no server {m.server.name!r}"
            self.out.put(pb.ProviderMessage(failed=pb.Failed(id=m.id, stage=pb.STAGE_CONFIG, reason=why)))
            return
        with self.lock:
            self.sessions.add(m.id)
        ready = pb.Ready(
            id=m.id,
            protocol_version="2025-06-18",
            server_info_json=json.dumps({"name": self.name, "version": self.version}).encode(),
            capabilities_json=b'{"tools":{}}',
            tools_json=[json.dumps(t).encode() for t in self.listed],
        )
        self.out.put(pb.ProviderMessage(ready=ready))

    def _stop(self, m):
        with self.lock:
            known = m.session in self.sessions
            self.sessions.discard(m.session)
        if known:
            self.out.put(pb.ProviderMessage(ended=pb.Ended(session=m.session, asked=True)))

    def _cancel(self, m):
        self._fail(m.id, pb.ERROR_CANCELLED, "the call was withdrawn")

    def _call(self, m):
        with self.lock:
            self.open.add(m.id)
            known = m.session in self.sessions
        if not known:
            self._fail(m.id, pb.ERROR_UNSENT, "there is no such session")
            return
        if m.timeout_ms:
            late = threading.Timer(m.timeout_ms / 1000, self._fail, (m.id, pb.ERROR_TIMEOUT, "the call took too long"))
            late.daemon = True
            late.start()
        threading.Thread(target=self._perform, args=(m,), daemon=True).start()

    def _perform(self, m):
        what = m.WhichOneof("what")
        if what == "list" and m.list.of in (pb.List.TOOLS, pb.List.RESOURCES, pb.List.RESOURCE_TEMPLATES):
            key = {pb.List.TOOLS: "tools", pb.List.RESOURCES: "resources"}.get(m.list.of, "resourceTemplates")
            self._result(m.id, {key: self.listed if m.list.of == pb.List.TOOLS else []})
        elif what == "tool" and m.tool.name in self.tools:
            try:
                arguments = json.loads(m.tool.arguments_json or b"{}")
                text, failed = str(self.tools[m.tool.name]["run"](arguments)), False
            except Exception as e:  # the model is told, and may try something else
                text, failed = f"{type(e).__name__}: {e}", True
            self._result(m.id, {"content": [{"type": "text", "text": text}], "isError": failed})
        else:
            self._fail(m.id, pb.ERROR_SERVER, "there is no such tool, listing or resource", code=-32602)

    def _settle(self, id):
        """Tells whether a call still wants an answer: it gets exactly one."""
        with self.lock:
            wanted = id in self.open
            self.open.discard(id)
        return wanted

    def _result(self, id, result):
        if self._settle(id):
            self.out.put(pb.ProviderMessage(result=pb.Result(id=id, result_json=json.dumps(result).encode())))

    def _fail(self, id, kind, message, code=0):
        if self._settle(id):
            self.out.put(pb.ProviderMessage(error=pb.CallError(id=id, kind=kind, code=code, message=message)))
