"""The bot of bot.py, written with asyncio."""

import asyncio
import os
import re
from collections import defaultdict

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

import shapes

client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
app = AsyncApp(client=client, signing_secret=os.environ.get("SLACK_SIGNING_SECRET"))

polls = defaultdict(dict)
voting = asyncio.Lock()


@app.command("/poll")
async def start_poll(ack, command, say):
    await ack()
    question = command["text"]
    await say(text=question, blocks=shapes.poll(question, {}))


@app.action(re.compile("^vote_"))
async def vote(ack, body, action, client):
    await ack()
    message = body["message"]
    async with voting:
        question, votes = shapes.question(message), polls[message["ts"]]
        votes[body["user"]["id"]] = action["value"]
        await client.chat_update(
            channel=body["channel"]["id"], ts=message["ts"],
            text=f"{question} {shapes.tally(votes)}", blocks=shapes.poll(question, votes),
        )


@app.action("close_poll")
async def close_poll(ack, body, client):
    await ack()
    message = body["message"]
    question, votes = shapes.question(message), polls[message["ts"]]
    await client.chat_update(
        channel=body["channel"]["id"], ts=message["ts"],
        text=f"{question} is closed: {shapes.tally(votes)}", blocks=shapes.closed_poll(question, votes),
    )


@app.command("/feedback")
async def ask_feedback(ack, command, client):
    await ack()
    await client.views_open(trigger_id=command["trigger_id"], view=shapes.feedback(command["channel_id"]))


@app.options("chosen_team")
async def teams(ack, payload):
    await ack(options=shapes.options(payload["value"]))


@app.view("feedback")
async def take_feedback(ack, body, view, client):
    words, team = shapes.filled_in(view)
    if len(words) < 5:
        await ack(response_action="errors", errors={"words": "Say a little more."})
        return
    await ack()
    await client.chat_postMessage(
        channel=view["private_metadata"], text=f"Feedback of <@{body['user']['id']}> for {team}: {words}",
    )


@app.command("/echo")
async def echo(ack, command):
    await ack(f"echo: {command['text']}")


@app.command("/slow")
async def slow(ack, command, respond):
    await ack()
    await respond("working on it")
    await respond(response_type="in_channel", text=f"slow: {command['text']}")


@app.command("/quiet")
async def quiet(ack, command, client):
    await ack()
    await client.chat_postEphemeral(
        channel=command["channel_id"], user=command["user_id"],
        text="only you see this", blocks=shapes.note("only you see this", shapes.REPLACE, shapes.REMOVE),
    )


@app.action("replace_note")
async def replace_note(ack, respond):
    await ack()
    await respond(replace_original=True, text="replaced", blocks=shapes.note("replaced", shapes.REMOVE))


@app.action("remove_note")
async def remove_note(ack, respond):
    await ack()
    await respond(delete_original=True)


@app.event("app_mention")
async def answer(event, context, say, client):
    words = shapes.words_after_mention(event["text"])
    thread_ts = event.get("thread_ts", event["ts"])
    if words != "stream":
        await say(text=f"You said: {words}", thread_ts=thread_ts)
        return
    streamer = await client.chat_stream(
        buffer_size=5, channel=event["channel"], thread_ts=thread_ts,
        recipient_team_id=context.team_id, recipient_user_id=event["user"],
    )
    for part in ("one ", "two ", "three ", "four ", "five"):
        await streamer.append(markdown_text=part)
    await streamer.stop()


async def over_a_socket():
    await AsyncSocketModeHandler(app).connect_async()
    print("running", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if "SLACK_APP_TOKEN" in os.environ:
        asyncio.run(over_a_socket())
    else:
        app.start(port=int(os.environ["PORT"]))
