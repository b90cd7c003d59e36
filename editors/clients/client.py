#!/usr/bin/env python3
"""A complete client of the host: client.py [PROMPT [HOST [ARGUMENT...]]]"""
import json
import subprocess
import sys

prompt, host = (sys.argv[1:] + ["Hello"])[0], sys.argv[2:] or ["codexhost", "app-server"]
child = subprocess.Popen(host, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
last_id = 0


def send(message):
    child.stdin.write(json.dumps(message) + "\n")
    child.stdin.flush()


def receive():
    for line in child.stdout:
        return json.loads(line)
    sys.exit(f"the host ended with status {child.wait()}")


def handle(message):
    """Serves what is no answer: a request of the host has an id, a notification has none."""
    method, params = message["method"], message.get("params") or {}
    if method == "item/agentMessage/delta":
        print(params["delta"], end="", flush=True)
    elif method == "item/completed" and params["item"]["type"] == "commandExecution":
        item = params["item"]
        print(f"[{item['status']}: {item['command']}]\n{item['aggregatedOutput'] or ''}", end="")
    elif method == "error":
        print(params["error"]["message"], file=sys.stderr)
    elif method in ("item/commandExecution/requestApproval", "item/fileChange/requestApproval"):
        print(f"Run {params['command']} ? [y/N]" if "command" in params else "Change files? [y/N]")
        decision = "accept" if sys.stdin.readline().strip() == "y" else "decline"
        send({"id": message["id"], "result": {"decision": decision}})
    elif "id" in message:
        send({"id": message["id"], "error": {"code": -32601, "message": f"{method} is not supported"}})


def call(method, params):
    global last_id
    last_id += 1
    send({"id": last_id, "method": method, "params": params})
    while "method" in (message := receive()) or message["id"] != last_id:
        handle(message)
    if "error" in message:
        sys.exit(f"{method}: {message['error']['message']}")
    return message["result"]


call("initialize", {"clientInfo": {"name": "client_py", "version": "1"}})
send({"method": "initialized"})
thread = call("thread/start", {"approvalPolicy": "untrusted"})["thread"]
call("turn/start", {"threadId": thread["id"], "input": [{"type": "text", "text": prompt}]})
while (message := receive()).get("method") != "turn/completed":
    handle(message)
print()
child.stdin.close()  # the host ends with its input
sys.exit(child.wait() or message["params"]["turn"]["status"] != "completed")
