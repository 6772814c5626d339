"""A bot written with Bolt for Python. With SLACK_APP_TOKEN it opens a socket, otherwise it listens on PORT."""

import os
import re
import threading
from collections import defaultdict

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

import shapes

client = WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
app = App(client=client, signing_secret=os.environ.get("SLACK_SIGNING_SECRET"))

polls = defaultdict(dict)
voting = threading.Lock()


@app.command("/poll")
def start_poll(ack, command, say):
    ack()
    question = command["text"]
    say(text=question, blocks=shapes.poll(question, {}))


@app.action(re.compile("^vote_"))
def vote(ack, body, action, client):
    ack()
    message = body["message"]
    with voting:
        question, votes = shapes.question(message), polls[message["ts"]]
        votes[body["user"]["id"]] = action["value"]
        client.chat_update(
            channel=body["channel"]["id"], ts=message["ts"],
            text=f"{question} {shapes.tally(votes)}", blocks=shapes.poll(question, votes),
        )


@app.action("close_poll")
def close_poll(ack, body, client):
    ack()
    message = body["message"]
    question, votes = shapes.question(message), polls[message["ts"]]
    client.chat_update(
        channel=body["channel"]["id"], ts=message["ts"],
        text=f"{question} is closed: {shapes.tally(votes)}", blocks=shapes.closed_poll(question, votes),
    )


@app.command("/feedback")
def ask_feedback(ack, command, client):
    ack()
    client.views_open(trigger_id=command["trigger_id"], view=shapes.feedback(command["channel_id"]))


@app.options("chosen_team")
def teams(ack, payload):
    ack(options=shapes.options(payload["value"]))


@app.view("feedback")
def take_feedback(ack, body, view, client):
    words, team = shapes.filled_in(view)
    if len(words) < 5:
        ack(response_action="errors", errors={"words": "Say a little more."})
        return
    ack()
    client.chat_postMessage(
        channel=view["private_metadata"], text=f"Feedback of <@{body['user']['id']}> for {team}: {words}",
    )


@app.command("/echo")
def echo(ack, command):
    ack(f"echo: {command['text']}")


@app.command("/slow")
def slow(ack, command, respond):
    ack()
    respond("working on it")
    respond(response_type="in_channel", text=f"slow: {command['text']}")


@app.command("/quiet")
def quiet(ack, command, client):
    ack()
    client.chat_postEphemeral(
        channel=command["channel_id"], user=command["user_id"],
        text="only you see this", blocks=shapes.note("only you see this", shapes.REPLACE, shapes.REMOVE),
    )


@app.action("replace_note")
def replace_note(ack, respond):
    ack()
    respond(replace_original=True, text="replaced", blocks=shapes.note("replaced", shapes.REMOVE))


@app.action("remove_note")
def remove_note(ack, respond):
    ack()
    respond(delete_original=True)


@app.event("app_mention")
def answer(event, context, say, client):
    words = shapes.words_after_mention(event["text"])
    thread_ts = event.get("thread_ts", event["ts"])
    if words != "stream":
        say(text=f"You said: {words}", thread_ts=thread_ts)
        return
    streamer = client.chat_stream(
        buffer_size=5, channel=event["channel"], thread_ts=thread_ts,
        recipient_team_id=context.team_id, recipient_user_id=event["user"],
    )
    for part in ("one ", "two ", "three ", "four ", "five"):
        streamer.append(markdown_text=part)
    streamer.stop()


if __name__ == "__main__":
    if "SLACK_APP_TOKEN" in os.environ:
        SocketModeHandler(app).connect()
        print("running", flush=True)
        threading.Event().wait()
    else:
        app.start(port=int(os.environ["PORT"]))
