#!/usr/bin/env python3
"""A codexhost plugin that brings an MCP server.

Its settings say how people are greeted:

    [codexhost.plugins.NAME.settings]
    greeting = "Ahoy"
"""

import codexhost
import codexhost_mcp

NAME = "example"


def count_words(arguments):
    """Runs in a thread of its own. What it returns is what the model reads; an exception is a failed call."""
    return f"{len(arguments['text'].split())} words"


def greet(arguments, call):
    """With a second parameter a tool can ask the user, tell how far it is, and write to the host's log."""
    name = arguments.get("name")
    if not name:
        fields = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        answer = call.elicit({"message": "Who is to be greeted?", "requestedSchema": fields})
        if answer["action"] != "accept":
            return "The user does not want to say who is to be greeted."
        name = answer["content"]["name"]
    call.log("info", f"{name} is greeted")
    return f"{codexhost.host.settings().get('greeting', 'Hello')}, {name}!"


TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NAMED = {"type": "object", "properties": {"name": {"type": "string"}}}
READ_ONLY = {"readOnlyHint": True}  # it changes nothing, so nobody has to be asked

if __name__ == "__main__":
    codexhost_mcp.serve(
        NAME,
        "0.1.0",
        [
            {
                "name": "count_words",
                "description": "Counts the words of a text.",
                "inputSchema": TEXT,
                "annotations": READ_ONLY,
                "run": count_words,
            },
            {
                "name": "greet",
                "description": "Greets somebody, whom the user names if you do not.",
                "inputSchema": NAMED,
                "annotations": READ_ONLY,
                "run": greet,
            },
        ],
        settings={"greeting": "what is said first"},
        needs=["settings"],
    )
