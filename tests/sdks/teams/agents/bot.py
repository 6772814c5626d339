"""A bot written with the Microsoft 365 Agents SDK for Python. The bots beside it do the same with other SDKs."""

import json
import os
import re
from pathlib import Path

from aiohttp import web
from microsoft_agents.activity import Activity, ActivityTypes, ConversationReference, load_configuration_from_env
from microsoft_agents.authentication.msal import MsalConnectionManager
from microsoft_agents.hosting.aiohttp import CloudAdapter, jwt_authorization_decorator, start_agent_process
from microsoft_agents.hosting.core import (
    AgentApplication, Authorization, CardFactory, MemoryStorage, MessageFactory, TurnContext, TurnState,
)

REMEMBERED = Path(os.environ["BOT_DATA"], "remembered.json")
CONFIGURATION = load_configuration_from_env(os.environ)

storage = MemoryStorage()
connections = MsalConnectionManager(**CONFIGURATION)
adapter = CloudAdapter(connection_manager=connections)
authorization = Authorization(storage, connections, **CONFIGURATION)
bot = AgentApplication[TurnState](storage=storage, adapter=adapter, authorization=authorization, **CONFIGURATION)

heard = []
polls = {}
activity_ids = []


class Listener:
    """Middleware that notes everything that arrives."""

    async def on_turn(self, context: TurnContext, logic):
        activity = context.activity
        event_type = (activity.channel_data or {}).get("eventType")
        said = {name: getattr(activity, name, None) for name in ("type", "name", "action", "text")}
        heard.append({**said, "eventType": event_type})
        await logic()


adapter.use(Listener())


def card(lines, actions=()):
    body = [{"type": "TextBlock", "text": line} for line in lines]
    return CardFactory.adaptive_card({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": list(actions)})


def command(word):
    """Where the bot was mentioned, a blank is left of the mention."""
    return bot.message(re.compile(rf"\s*{word}\s*"))


def submit(title, data):
    return {"type": "Action.Submit", "title": title, "data": data}


def poll_card(votes, fresh):
    """The poll as everyone sees it. After the first vote it has fewer buttons."""
    plain = [submit("Tea", {"vote": "tea"}), submit("Coffee", {"vote": "coffee"})] if fresh else []
    quiet = {"type": "Action.Execute", "title": "Coffee, quietly", "verb": "vote", "data": {"vote": "coffee"}}
    totals = f"tea {votes['tea']}, coffee {votes['coffee']}"
    return card(["Tea or coffee?", totals], [*plain, quiet, submit("Close", {"close": True})])


@command("progress")
async def progress(context: TurnContext, state: TurnState):
    """One message that advances: text, text, card, text."""
    sent = await context.send_activity("step 1")
    step_3 = MessageFactory.attachment(card(["step 3"]))
    for step in (MessageFactory.text("step 2"), step_3, MessageFactory.text("done")):
        step.id = sent.id
        updated = await context.update_activity(step)
        assert updated.id == sent.id, f"the update of {sent.id} answered {updated.id}"


@command("poll")
async def poll(context: TurnContext, state: TurnState):
    votes = {"tea": 0, "coffee": 0}
    sent = await context.send_activity(MessageFactory.attachment(poll_card(votes, fresh=True)))
    polls[sent.id] = votes


async def clicked(context: TurnContext, data):
    """A click on the poll: `reply_to_id` names the message with the card."""
    votes = polls[context.activity.reply_to_id]
    if data.get("close"):
        new = MessageFactory.text(f"Winner: {max(votes, key=votes.get)}")
    else:
        votes[data["vote"]] += 1
        new = MessageFactory.attachment(poll_card(votes, fresh=False))
    new.id = context.activity.reply_to_id
    await context.update_activity(new)


def invoked(name):
    return lambda context: context.activity.type == ActivityTypes.invoke and context.activity.name == name


async def answer(context: TurnContext, body):
    value = {"status": 200, "body": body}
    await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=value))


async def quiet_vote(context: TurnContext, state: TurnState):
    """The quiet button: who clicked gets a card of their own, everyone sees the new totals."""
    data = context.activity.value["action"]["data"]
    await clicked(context, data)
    personal = card([f"you voted {data['vote']}"])
    await answer(context, {"statusCode": 200, "type": personal.content_type, "value": personal.content})


async def open_question(context: TurnContext, state: TurnState):
    question = card([], [{"type": "Action.Submit", "title": "Send"}])
    question.content["body"] = [{"type": "Input.Text", "id": "name", "label": "Your name?"}]
    value = {"title": "A question", "card": question.model_dump(by_alias=True, exclude_unset=True)}
    await answer(context, {"task": {"type": "continue", "value": value}})


async def take_answer(context: TurnContext, state: TurnState):
    name = context.activity.value["data"]["name"]
    await answer(context, {"task": {"type": "message", "value": f"Hello, {name}"}})


bot.add_route(invoked("adaptiveCard/action"), quiet_vote, is_invoke=True)
bot.add_route(invoked("task/fetch"), open_question, is_invoke=True)
bot.add_route(invoked("task/submit"), take_answer, is_invoke=True)


@command("five")
async def five(context: TurnContext, state: TurnState):
    for number in range(1, 6):
        sent = await context.send_activity(f"message {number}")
        activity_ids.append(sent.id)


@command("update")
async def update(context: TurnContext, state: TurnState):
    for activity_id in activity_ids:
        new_activity = MessageFactory.text("The new text for the activity")
        new_activity.id = activity_id
        await context.update_activity(new_activity)


@command("delete")
async def delete(context: TurnContext, state: TurnState):
    for activity_id in activity_ids:
        await context.delete_activity(activity_id)
    activity_ids.clear()


@command("remember")
async def remember(context: TurnContext, state: TurnState):
    """Keeps what is needed to update a message when no turn is open."""
    sent = await context.send_activity("remembered")
    reference = context.activity.get_conversation_reference().model_dump_json(by_alias=True, exclude_unset=True)
    REMEMBERED.write_text(json.dumps({"reference": json.loads(reference), "id": sent.id}))


@command("stream")
async def stream(context: TurnContext, state: TurnState):
    context.streaming_response.queue_informative_update("thinking")
    for chunk in ("one ", "two ", "three"):
        context.streaming_response.queue_text_chunk(chunk)
    await context.streaming_response.end_stream()


@command("ask")
async def ask(context: TurnContext, state: TurnState):
    button = submit("Ask me", {"msteams": {"type": "task/fetch"}})
    await context.send_activity(MessageFactory.attachment(card(["May I ask?"], [button])))


@bot.activity(ActivityTypes.message)
async def told(context: TurnContext, state: TurnState):
    """A click on a plain button is a message with a value; all else is echoed."""
    if context.activity.value:
        await clicked(context, context.activity.value)
    else:
        await context.send_activity(f"echo: {context.activity.text.strip()}")


@jwt_authorization_decorator
async def messages(request: web.Request) -> web.Response:
    return await start_agent_process(request, bot, adapter)


async def proactive(request: web.Request) -> web.Response:
    remembered = json.loads(REMEMBERED.read_text())
    reference = ConversationReference.model_validate(remembered["reference"])

    async def update_later(context: TurnContext):
        new_activity = MessageFactory.text(request.query["text"])
        new_activity.id = remembered["id"]
        await context.update_activity(new_activity)

    client_id = connections.get_default_connection_configuration().CLIENT_ID
    await adapter.continue_conversation(client_id, reference.get_continuation_activity(), update_later)
    return web.json_response({"id": remembered["id"]})


async def get_heard(request: web.Request) -> web.Response:
    return web.json_response(heard)


server = web.Application()
server["agent_configuration"] = connections.get_default_connection_configuration()
server.router.add_post("/api/messages", messages)
server.router.add_post("/proactive", proactive)
server.router.add_get("/heard", get_heard)

if __name__ == "__main__":
    web.run_app(server, host="127.0.0.1", port=int(os.environ["PORT"]))
