#!/usr/bin/env python3
"""An MCP server for the suites, whose tools ask the user. Each returns the answer that it got, as JSON."""
import json
import sys

FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your name", "description": "as you sign", "minLength": 2},
        "age": {"type": "integer", "minimum": 1, "maximum": 150, "default": 42},
        "mail": {"type": "string", "format": "email"},
        "agree": {"type": "boolean", "title": "Do you agree?", "default": True},
        "colour": {"type": "string", "oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}]},
        "fish": {"type": "array", "minItems": 1, "maxItems": 2, "default": ["trout"],
                 "items": {"type": "string", "enum": ["tuna", "salmon", "trout"]}},
    },
    "required": ["name", "age", "agree"],
}
ASKS = {
    "form": {"message": "Who are you?", "requestedSchema": FORM},
    "confirm": {"message": "Really?", "requestedSchema": {"type": "object", "properties": {}}},
    "url": {"mode": "url", "message": "Please sign in.", "url": "https://example.com/sign-in", "elicitationId": "e1"},
}
TOOLS = [
    {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}} for name in ASKS
] + [{"name": "write", "inputSchema": {"type": "object"}}]  # without annotations, so that the host asks before it runs
waiting = {}  # the calls, by the ids of the questions that they asked


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def returns(call, text):
    send({"id": call, "result": {"content": [{"type": "text", "text": text}]}})


def serve(message):
    method, params, call = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "initialize":
        send({"id": call, "result": {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                                     "serverInfo": {"name": "asker", "version": "1"}}})
    elif method == "tools/list":
        send({"id": call, "result": {"tools": TOOLS}})
    elif method == "tools/call" and params["name"] in ASKS:
        waiting[f"q{call}"] = call
        send({"id": f"q{call}", "method": "elicitation/create", "params": ASKS[params["name"]]})
    elif method == "tools/call":
        returns(call, "written")
    elif method is None:
        result = message.get("result", message.get("error"))
        returns(waiting.pop(call), json.dumps(result, sort_keys=True, separators=(",", ":")))
    elif call is not None:
        send({"id": call, "result": {}} if method == "ping" else
             {"id": call, "error": {"code": -32601, "message": f"no {method}"}})


for line in sys.stdin:
    serve(json.loads(line))
