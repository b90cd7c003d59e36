#!/usr/bin/env python3
"""A codexhost plugin that brings an MCP server."""

import codexhost_mcp

NAME = "example"


def count_words(arguments):
    """Runs in a thread of its own. What it returns is what the model reads; an exception is a failed call."""
    return f"{len(arguments['text'].split())} words"


if __name__ == "__main__":
    codexhost_mcp.serve(
        NAME,
        "0.1.0",
        [
            {
                "name": "count_words",
                "description": "Counts the words of a text.",
                "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
                "annotations": {"readOnlyHint": True},  # it changes nothing, so nobody has to be asked
                "run": count_words,
            }
        ],
    )
