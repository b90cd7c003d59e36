"""An MCP server of Python functions, as the contract codexhost.mcp.v1 wants it."""

import inspect
import itertools
import json
import queue
import threading

import codexhost
import grpc
import mcp_pb2 as pb


def serve(name, version, tools, **manifest):
    """Serves tools: dicts as tools/list has them, with the function under "run".

    The function gets the arguments and, if it takes a second parameter, the Call. What else is given goes into the
    manifest, see codexhost.serve.
    """
    server = pb.Server(key=f"{name}@{version}", name=name)
    codexhost.serve(
        "mcp",
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
        ),
        name=name,
        version=version,
        **manifest,
    )


class Call:
    """What a tool may tell and ask while it runs. Every method may be called from any thread."""

    def __init__(self, stream, message):
        self._stream, self._session, self._id = stream, message.session, message.id
        meta = json.loads(message.tool.meta_json or b"{}")
        self._token = meta.get("progressToken")

    @property
    def wanted(self):
        """False once the call was withdrawn or is late: what it comes to is not read."""
        return self._stream.wants(self._id)

    def log(self, level, text):
        """Writes to the host's log. level is debug, info, warning or error."""
        self._stream.out.put(pb.ProviderMessage(log=pb.Log(session=self._session, level=level, text=text)))

    def progress(self, done, total=None, message=""):
        """Says how far the call has come, if the host wants to know."""
        if self._token is not None:
            params = {"progressToken": self._token, "progress": done, "total": total, "message": message}
            params = json.dumps({k: v for k, v in params.items() if v not in (None, "")}).encode()
            self._stream.out.put(pb.ProviderMessage(progress=pb.Progress(session=self._session, params_json=params)))

    def elicit(self, params):
        """Asks the user: params and answer are those of MCP's elicitation/create. Raises codexhost.NoAnswer."""
        return self._stream.elicit(self._session, self._id, params)


class _Stream:
    """The one stream of a connection: sessions, and the calls on them."""

    def __init__(self, name, version, tools):
        self.name, self.version = name, version
        self.tools = {t["name"]: t for t in tools}
        self.listed = [{k: v for k, v in t.items() if k != "run"} for t in tools]
        self.out = queue.Queue()
        self.ids = itertools.count(1)  # of questions
        self.lock = threading.Lock()  # guards what follows
        self.open = set()  # calls without an answer
        self.sessions = set()
        self.asked = {}  # by id of the question: its call, and a queue for the answer

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
        with self.lock:
            asked = list(self.asked.values())
        for _, answers in asked:
            answers.put(None)
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

    def _answer(self, m):
        with self.lock:
            _, answers = self.asked.get(m.id, (None, None))
        if answers is not None:
            answers.put(m)

    def elicit(self, session, call, params):
        id, answers = next(self.ids), queue.SimpleQueue()
        with self.lock:
            self.asked[id] = (call, answers)
            if call not in self.open:
                answers.put(None)
        message = pb.Elicit(id=id, session=session, params_json=json.dumps(params).encode())
        self.out.put(pb.ProviderMessage(elicit=message))
        answer = answers.get()
        with self.lock:
            del self.asked[id]
        if answer is None:
            self.out.put(pb.ProviderMessage(elicit_gone=pb.ElicitGone(id=id)))
            raise codexhost.NoAnswer("the call is over")
        if answer.error:
            raise codexhost.NoAnswer(answer.error)
        return json.loads(answer.result_json)

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
                text, failed = str(self._run(self.tools[m.tool.name]["run"], arguments, m)), False
            except Exception as e:  # the model is told, and may try something else
                text, failed = f"{type(e).__name__}: {e}", True
            self._result(m.id, {"content": [{"type": "text", "text": text}], "isError": failed})
        else:
            self._fail(m.id, pb.ERROR_SERVER, "there is no such tool, listing or resource", code=-32602)

    def _run(self, function, arguments, m):
        if len(inspect.signature(function).parameters) > 1:
            return function(arguments, Call(self, m))
        return function(arguments)

    def wants(self, id):
        with self.lock:
            return id in self.open

    def _settle(self, id):
        """Tells whether a call still wants an answer: it gets exactly one. What it has asked is of no use then."""
        with self.lock:
            wanted = id in self.open
            self.open.discard(id)
            asked = [answers for call, answers in self.asked.values() if call == id]
        for answers in asked:
            answers.put(None)
        return wanted

    def _result(self, id, result):
        if self._settle(id):
            self.out.put(pb.ProviderMessage(result=pb.Result(id=id, result_json=json.dumps(result).encode())))

    def _fail(self, id, kind, message, code=0):
        if self._settle(id):
            self.out.put(pb.ProviderMessage(error=pb.CallError(id=id, kind=kind, code=code, message=message)))
