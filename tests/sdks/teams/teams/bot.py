"""A bot written with the Teams SDK for Python. The bots in the folders beside this one do the same with other SDKs."""

import asyncio
import json
import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from microsoft_teams.api import (
    AdaptiveCardActionCardResponse, AdaptiveCardAttachment, CardTaskModuleTaskInfo, MessageActivityInput,
    TaskModuleContinueResponse, TaskModuleMessageResponse, TaskModuleResponse, card_attachment,
)
from microsoft_teams.api.auth.cloud_environment import PUBLIC, with_overrides
from microsoft_teams.apps import App, FastAPIAdapter
from microsoft_teams.cards import (
    AdaptiveCard, ExecuteAction, OpenDialogData, SubmitAction, SubmitData, TextBlock, TextInput,
)

REMEMBERED = Path(os.environ["BOT_DATA"], "remembered.json")

server = FastAPI()
# Where the keys of the channel are, if not at Microsoft's address.
cloud = with_overrides(PUBLIC, openid_metadata_url=os.environ.get("OPENID_METADATA_URL"))
app = App(cloud=cloud, http_server_adapter=FastAPIAdapter(server))
heard = []
polls = {}
activity_ids = []


def card(*lines):
    return AdaptiveCard(version="1.5").with_body([TextBlock(text=line) for line in lines])


def message(content):
    if isinstance(content, str):
        return MessageActivityInput(text=content)
    return MessageActivityInput().add_card(content)


def poll_card(votes, fresh):
    """The poll as everyone sees it. After the first vote it has fewer buttons."""
    plain = [SubmitAction(title=title, data={"vote": title.lower()}) for title in ("Tea", "Coffee")] if fresh else []
    quiet = ExecuteAction(title="Coffee, quietly", verb="vote", data={"vote": "coffee"})
    close = SubmitAction(title="Close", data={"close": True})
    totals = f"tea {votes['tea']}, coffee {votes['coffee']}"
    return card("Tea or coffee?", totals).with_actions([*plain, quiet, close])


@app.on_activity
async def listen(context):
    activity = context.activity
    event_type = getattr(activity.channel_data, "event_type", None)
    said = {name: getattr(activity, name, None) for name in ("type", "name", "action", "text")}
    heard.append({**said, "eventType": event_type})
    await context.next()


@app.on_edit_message
async def edited(context):
    heard.append({"hook": "edited"})


@app.on_undelete_message
async def restored(context):
    heard.append({"hook": "restored"})


@app.on_soft_delete_message
async def deleted(context):
    heard.append({"hook": "deleted"})


@app.on_message
async def told(context):
    if context.activity.value:
        return await clicked(context, context.activity.value)
    text = context.activity.strip_mentions_text().text.strip()
    commands = {
        "progress": progress, "poll": poll, "five": five, "update": update, "delete": delete, "remember": remember,
        "stream": stream, "ask": ask,
    }
    if text in commands:
        await commands[text](context)
    else:
        await context.send(f"echo: {text}")


async def progress(context):
    """One message that advances: text, text, card, text. What has an id is not posted but updated."""
    sent = await context.send("step 1")
    for step in ("step 2", card("step 3"), "done"):
        updated = await context.send(message(step).with_id(sent.id))
        assert updated.id == sent.id, f"the update of {sent.id} answered {updated.id}"


async def poll(context):
    votes = {"tea": 0, "coffee": 0}
    sent = await context.send(message(poll_card(votes, fresh=True)))
    polls[sent.id] = votes


async def clicked(context, data):
    """A click on the poll: `reply_to_id` names the message with the card."""
    id = context.activity.reply_to_id
    votes = polls[id]
    if data.get("close"):
        await context.send(message(f"Winner: {max(votes, key=votes.get)}").with_id(id))
    else:
        votes[data["vote"]] += 1
        await context.send(message(poll_card(votes, fresh=False)).with_id(id))


@app.on_card_action
async def quiet_vote(context):
    """The quiet button: who clicked gets the returned card, everyone sees the new totals."""
    data = context.activity.value.action.data
    await clicked(context, data)
    return AdaptiveCardActionCardResponse(value=card(f"you voted {data['vote']}"))


async def five(context):
    for number in range(1, 6):
        sent = await context.send(f"message {number}")
        activity_ids.append(sent.id)


async def update(context):
    for activity_id in activity_ids:
        new_activity = message("The new text for the activity")
        await context.api.conversations.update_activity(context.activity.conversation.id, activity_id, new_activity)


async def delete(context):
    for activity_id in activity_ids:
        await context.api.conversations.delete_activity(context.activity.conversation.id, activity_id)
    activity_ids.clear()


async def remember(context):
    """Keeps what is needed to update a message when no turn is open."""
    sent = await context.send("remembered")
    REMEMBERED.write_text(json.dumps({"conversation": context.activity.conversation.id, "id": sent.id}))


async def stream(context):
    context.stream.update("thinking")
    for chunk in ("one ", "two ", "three"):
        context.stream.emit(chunk)


async def ask(context):
    button = SubmitAction(title="Ask me", data=OpenDialogData("question"))
    await context.send(message(card("May I ask?").with_actions([button])))


@app.on_dialog_open("question")
async def open_question(context):
    question = AdaptiveCard(version="1.5").with_body([TextInput(id="name", label="Your name?")])
    question.with_actions([SubmitAction(title="Send", data=SubmitData("answer"))])
    task = CardTaskModuleTaskInfo(title="A question", card=card_attachment(AdaptiveCardAttachment(content=question)))
    return TaskModuleResponse(task=TaskModuleContinueResponse(value=task))


@app.on_dialog_submit("answer")
async def take_answer(context):
    return TaskModuleResponse(task=TaskModuleMessageResponse(value=f"Hello, {context.activity.value.data['name']}"))


@server.post("/proactive")
async def proactive(text: str):
    """Goes to the service URL in the environment variable SERVICE_URL."""
    remembered = json.loads(REMEMBERED.read_text())
    await app.send(remembered["conversation"], message(text).with_id(remembered["id"]))
    return {"id": remembered["id"]}


@server.get("/heard")
async def get_heard():
    return heard


async def main():
    await app.initialize()
    await uvicorn.Server(uvicorn.Config(server, host="127.0.0.1", port=int(os.environ["PORT"]))).serve()


if __name__ == "__main__":
    asyncio.run(main())
