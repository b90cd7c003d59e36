#!/usr/bin/env python3
"""A codexhost plugin that adds a skill.

It is called as its settings say, and asks the user where they say so:

    [codexhost.plugins.NAME.settings]
    audience = "beginners"  # or ask = true
"""

import codexhost
import grpc
import skill_pb2 as pb

NAME = "example"
DESCRIPTION = "Say in one sentence when the model should use this skill."
PATH = f"{NAME}:/{NAME}"  # any name that only this skill has
TEXT = f"""---
name: {NAME}
description: {DESCRIPTION}
---

Say what the model should do, step by step. This is for AUDIENCE.
"""


def audience(context):
    settings = codexhost.host.settings()
    if settings.get("ask"):
        field = {"type": "object", "properties": {"audience": {"type": "string"}}}
        try:
            answer = codexhost.host.elicit(context, {"message": "For whom is this?", "requestedSchema": field})
            if answer["action"] == "accept":
                return answer["content"]["audience"]
        except codexhost.NoAnswer as why:
            codexhost.host.log("warning", f"nobody says for whom this is: {why}")
    return settings.get("audience", "everybody")


def list_skills(request, context):
    """Says which skills there are; the answer may come in pieces. Stop when context is no longer active."""
    yield pb.ListResponse(
        generation=1, skills=[pb.Skill(path=PATH, name=NAME, description=DESCRIPTION, scope=pb.SCOPE_USER)]
    )


def read_skill(request, context):
    """Returns what the model reads when the skill is mentioned."""
    if request.path != PATH:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such skill")
    return pb.ReadResponse(content=TEXT.replace("AUDIENCE", audience(context)).encode())


if __name__ == "__main__":
    codexhost.serve(
        "skill",
        grpc.method_handlers_generic_handler(
            "codexhost.skill.v1.SkillProvider",
            {
                "List": grpc.unary_stream_rpc_method_handler(
                    list_skills, pb.ListRequest.FromString, pb.ListResponse.SerializeToString
                ),
                "Read": codexhost.unary(read_skill, pb.ReadRequest, pb.ReadResponse),
            },
        ),
        name=NAME,
        version="0.1.0",
        settings={"audience": "for whom the skill is", "ask": "whether the user is asked for whom"},
        needs=["settings", "elicit", "log"],
    )
