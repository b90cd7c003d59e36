#!/usr/bin/env python3
"""A codexhost plugin that adds a skill."""

import grpc

import codexhost
import skill_pb2 as pb

NAME = "example"
DESCRIPTION = "Say in one sentence when the model should use this skill."
PATH = f"{NAME}:/{NAME}"  # any name that only this skill has
TEXT = f"""---
name: {NAME}
description: {DESCRIPTION}
---

Say what the model should do, step by step.
"""


def list_skills(request, context):
    """Says which skills there are; the answer may come in pieces. Stop when context is no longer active."""
    yield pb.ListResponse(
        generation=1, skills=[pb.Skill(path=PATH, name=NAME, description=DESCRIPTION, scope=pb.SCOPE_USER)]
    )


def read_skill(request, context):
    """Returns what the model reads when the skill is mentioned."""
    if request.path != PATH:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such skill")
    return pb.ReadResponse(content=TEXT.encode())


if __name__ == "__main__":
    codexhost.serve(
        grpc.method_handlers_generic_handler(
            "codexhost.skill.v1.SkillProvider",
            {
                "List": grpc.unary_stream_rpc_method_handler(
                    list_skills, pb.ListRequest.FromString, pb.ListResponse.SerializeToString
                ),
                "Read": codexhost.unary(read_skill, pb.ReadRequest, pb.ReadResponse),
            },
        )
    )
