"""Holds messages against Slack's own models of Block Kit (slack_sdk), which know its limits.

    check_slack.py MESSAGE...

A block that the models refuse, that they do not know, or of which they lose something is a problem. One line each; the
exit code is 1 where there is one.
"""

import json
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block


def problems(message):
    if not isinstance(message.get("text"), str) or not message["text"]:
        yield "no `text` for those who see no blocks"
    blocks = message["blocks"]
    if not 1 <= len(blocks) <= 50:
        yield f"{len(blocks)} blocks"
    for block in blocks:
        parsed = Block.parse(block)
        if parsed is None or type(parsed) is Block:
            yield f"unknown block {block}"
            continue
        try:
            parsed.validate_json()
        except SlackObjectFormationError as error:
            yield f"{error}: {block}"
        if parsed.to_dict() != block:
            yield f"not read as it is written: {block}"


found = False
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for problem in problems(json.load(file)):
            found = True
            print(f"{path}: {problem}")
sys.exit(1 if found else 0)
