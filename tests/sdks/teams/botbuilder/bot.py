"""A bot written with botbuilder for Python. The bots in the folders beside this one do the same with other SDKs."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

from aiohttp import web
from botbuilder.core import CardFactory, InvokeResponse, MessageFactory, TurnContext
from botbuilder.core.teams import TeamsActivityHandler
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema import Activity, ActivityTypes, AdaptiveCardInvokeResponse, ConversationReference, Entity
from botbuilder.schema.teams import (
    TaskModuleContinueResponse, TaskModuleMessageResponse, TaskModuleResponse, TaskModuleTaskInfo,
)

REMEMBERED = Path(os.environ["BOT_DATA"], "remembered.json")


def card(lines, actions=()):
    body = [{"type": "TextBlock", "text": line} for line in lines]
    return CardFactory.adaptive_card({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": list(actions)})


def submit(title, data):
    return {"type": "Action.Submit", "title": title, "data": data}


def poll_card(votes, fresh):
    """The poll as everyone sees it. After the first vote it has fewer buttons."""
    plain = [submit("Tea", {"vote": "tea"}), submit("Coffee", {"vote": "coffee"})] if fresh else []
    quiet = {"type": "Action.Execute", "title": "Coffee, quietly", "verb": "vote", "data": {"vote": "coffee"}}
    totals = f"tea {votes['tea']}, coffee {votes['coffee']}"
    return card(["Tea or coffee?", totals], [*plain, quiet, submit("Close", {"close": True})])


class Bot(TeamsActivityHandler):
    def __init__(self):
        self.heard = []
        self.polls = {}
        self.activity_ids = []

    async def on_turn(self, turn_context: TurnContext):
        activity = turn_context.activity
        self.heard.append({
            "type": activity.type, "name": activity.name, "action": activity.action, "text": activity.text,
            "eventType": (activity.channel_data or {}).get("eventType"),
        })
        await super().on_turn(turn_context)

    async def on_teams_message_edit(self, turn_context: TurnContext):
        self.heard.append({"hook": "edited"})

    async def on_teams_message_undelete(self, turn_context: TurnContext):
        self.heard.append({"hook": "restored"})

    async def on_teams_message_soft_delete(self, turn_context: TurnContext):
        self.heard.append({"hook": "deleted"})

    async def on_message_activity(self, turn_context: TurnContext):
        activity = turn_context.activity
        if activity.value:
            return await self.clicked(turn_context, activity.reply_to_id, activity.value)
        TurnContext.remove_recipient_mention(activity)
        text = activity.text.strip()
        commands = {
            "progress": self.progress, "poll": self.poll, "five": self.five, "update": self.update,
            "delete": self.delete, "remember": self.remember, "stream": self.stream, "ask": self.ask,
            "hooks": self.hooks,
        }
        if text in commands:
            await commands[text](turn_context)
        else:
            await turn_context.send_activity(f"echo: {text}")

    async def progress(self, context: TurnContext):
        """One message that advances: text, text, card, text."""
        sent = await context.send_activity("step 1")
        step_3 = MessageFactory.attachment(card(["step 3"]))
        for step in (MessageFactory.text("step 2"), step_3, MessageFactory.text("done")):
            step.id = sent.id
            updated = await context.update_activity(step)
            assert updated.id == sent.id, f"the update of {sent.id} answered {updated.id}"

    async def poll(self, context: TurnContext):
        votes = {"tea": 0, "coffee": 0}
        sent = await context.send_activity(MessageFactory.attachment(poll_card(votes, fresh=True)))
        self.polls[sent.id] = votes

    async def clicked(self, context: TurnContext, id, data):
        """A click on the poll comes as a message; its `reply_to_id` names the message with the card."""
        votes = self.polls[id]
        if data.get("close"):
            new = MessageFactory.text(f"Winner: {max(votes, key=votes.get)}")
        else:
            votes[data["vote"]] += 1
            new = MessageFactory.attachment(poll_card(votes, fresh=False))
        new.id = id
        await context.update_activity(new)

    async def on_adaptive_card_invoke(self, turn_context: TurnContext, invoke_value):
        """The quiet button: who clicked gets a card of their own, everyone sees the new totals."""
        data = invoke_value.action["data"]
        await self.clicked(turn_context, turn_context.activity.reply_to_id, data)
        personal = card([f"you voted {data['vote']}"])
        return AdaptiveCardInvokeResponse(status_code=200, type=personal.content_type, value=personal.content)

    @staticmethod
    def _create_invoke_response(body=None):
        """CloudAdapter of 4.17 serializes what the handler has serialized already, and fails. It gets it raw."""
        return InvokeResponse(status=200, body=body)

    async def five(self, context: TurnContext):
        for number in range(1, 6):
            sent = await context.send_activity(f"message {number}")
            self.activity_ids.append(sent.id)

    async def update(self, context: TurnContext):
        for activity_id in self.activity_ids:
            new_activity = MessageFactory.text("The new text for the activity")
            new_activity.id = activity_id
            update_result = await context.update_activity(new_activity)
            assert update_result.id == activity_id

    async def delete(self, context: TurnContext):
        for activity_id in self.activity_ids:
            await context.delete_activity(activity_id)
        self.activity_ids = []

    async def remember(self, context: TurnContext):
        """Keeps what is needed to update a message when no turn is open."""
        sent = await context.send_activity("remembered")
        reference = TurnContext.get_conversation_reference(context.activity)
        REMEMBERED.write_text(json.dumps({"reference": reference.serialize(), "id": sent.id}))

    async def stream(self, context: TurnContext):
        """This SDK has no helper for streams: each step says so in `channel_data` and in an entity."""

        async def step(kind, text, **info):
            entity = Entity(type="streaminfo", additional_properties=info)
            return await context.send_activity(Activity(type=kind, text=text, channel_data=info, entities=[entity]))

        first = await step(ActivityTypes.typing, "thinking", streamType="informative", streamSequence=1)
        await step(ActivityTypes.typing, "one", streamId=first.id, streamType="streaming", streamSequence=2)
        await step(ActivityTypes.typing, "one two", streamId=first.id, streamType="streaming", streamSequence=3)
        await step(ActivityTypes.message, "one two three", streamId=first.id, streamType="final")

    async def hooks(self, context: TurnContext):
        """Handlers two deep that watch, change and swallow what this turn sends, updates and deletes."""

        async def passes(verb, level, what, change, proceed):
            self.heard.append({"hook": f"{verb} {level}: {what}"})
            if what == f"swallow {level}":
                return None
            if what.startswith("change"):
                change(f"{what} {level}")
            done = await proceed()
            responses = done if isinstance(done, list) else [done]
            ids = [response.id for response in responses if response is not None]
            self.heard.append({"hook": f"{verb} {level} after: {','.join(ids)}"})
            return done

        def add(level):
            async def sending(_, activities, proceed):
                def change(text):
                    activities[0].text = text

                return await passes("send", level, activities[0].text, change, proceed)

            async def updating(_, activity, proceed):
                def change(text):
                    activity.text = text

                return await passes("update", level, activity.text, change, proceed)

            async def deleting(_, reference, proceed):
                def change(activity_id):
                    reference.activity_id = activity_id

                return await passes("delete", level, reference.activity_id, change, proceed)

            context.on_send_activities(sending)
            context.on_update_activity(updating)
            context.on_delete_activity(deleting)

        add("outer")
        add("inner")
        sent = await context.send_activities([MessageFactory.text("watch"), MessageFactory.text("two")])
        others = ["change", "swallow outer", "swallow inner"]
        for text in others:
            await context.send_activity(text)
        for text in ["watch", *others]:
            new_activity = MessageFactory.text(text)
            new_activity.id = sent[0].id
            await context.update_activity(new_activity)
        for activity_id in [sent[0].id, *others]:
            await context.delete_activity(activity_id)

    async def ask(self, context: TurnContext):
        button = submit("Ask me", {"msteams": {"type": "task/fetch"}})
        await context.send_activity(MessageFactory.attachment(card(["May I ask?"], [button])))

    async def on_teams_task_module_fetch(self, turn_context: TurnContext, task_module_request):
        question = card([], [{"type": "Action.Submit", "title": "Send"}])
        question.content["body"] = [{"type": "Input.Text", "id": "name", "label": "Your name?"}]
        return TaskModuleResponse(
            task=TaskModuleContinueResponse(value=TaskModuleTaskInfo(title="A question", card=question))
        )

    async def on_teams_task_module_submit(self, turn_context: TurnContext, task_module_request):
        return TaskModuleResponse(task=TaskModuleMessageResponse(value=f"Hello, {task_module_request.data['name']}"))


CONFIG = SimpleNamespace(**os.environ)
ADAPTER = CloudAdapter(ConfigurationBotFrameworkAuthentication(CONFIG))
BOT = Bot()


async def messages(request: web.Request) -> web.Response:
    return await ADAPTER.process(request, BOT)


async def proactive(request: web.Request) -> web.Response:
    remembered = json.loads(REMEMBERED.read_text())
    reference = ConversationReference.deserialize(remembered["reference"])

    async def update(context: TurnContext):
        new_activity = MessageFactory.text(request.query["text"])
        new_activity.id = remembered["id"]
        await context.update_activity(new_activity)

    await ADAPTER.continue_conversation(reference, update, CONFIG.APP_ID)
    return web.json_response({"id": remembered["id"]})


async def write_later(request: web.Request) -> web.Response:
    """Writes, updates and deletes with no turn open."""
    reference = ConversationReference.deserialize(json.loads(REMEMBERED.read_text())["reference"])

    async def logic(context: TurnContext):
        sent = await context.send_activity("later")
        new_activity = MessageFactory.text("later still")
        new_activity.id = sent.id
        await context.update_activity(new_activity)
        await context.delete_activity(sent.id)

    await ADAPTER.continue_conversation(reference, logic, CONFIG.APP_ID)
    return web.json_response({})


async def heard(request: web.Request) -> web.Response:
    return web.json_response(BOT.heard)


app = web.Application()
app.router.add_post("/api/messages", messages)
app.router.add_post("/proactive", proactive)
app.router.add_post("/continue", write_later)
app.router.add_get("/heard", heard)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]))
