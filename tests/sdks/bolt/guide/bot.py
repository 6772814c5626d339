"""The bot under test: a poll with buttons."""

import re
import time

from slack_bolt import App


def summary(question, votes):
    return " ".join([question, *(f"{answer}: {len(voters)}" for answer, voters in votes.items())])


def button(action_id, text):
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": text}, "value": text}


def shown(poll, question, votes):
    text = summary(question, votes)
    buttons = [*(button(f"vote-{answer}", answer) for answer in votes), button("close", "Close")]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return {"text": text, "blocks": [section, {"type": "actions", "block_id": poll, "elements": buttons}]}


def make(client):
    app = App(client=client)
    polls = {}

    @app.command("/poll")
    def ask(ack, command):
        ack()
        question, *answers = [part.strip() for part in command["text"].split("|")]
        votes = {answer: set() for answer in answers}
        poll, channel = command["trigger_id"], command["channel_id"]
        polls[poll] = question, votes
        client.chat_scheduleMessage(channel=channel, post_at=int(time.time()) + 3600, text=f"Have you voted? {question}")
        client.chat_postMessage(channel=channel, **shown(poll, question, votes))

    @app.action(re.compile("^vote-"))
    def vote(ack, body, action):
        ack()
        question, votes = polls[action["block_id"]]
        votes[action["value"]].add(body["user"]["id"])
        update(body, **shown(action["block_id"], question, votes))

    @app.action("close")
    def close(ack, body, action):
        ack()
        update(body, text=f"{summary(*polls.pop(action['block_id']))} (closed)", blocks=[])

    def update(body, **message):
        client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], **message)

    return app
