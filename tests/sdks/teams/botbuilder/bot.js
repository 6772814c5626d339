// A bot written with botbuilder for JavaScript. The bots in the folders beside this one do the same with other SDKs.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CardFactory, CloudAdapter, ConfigurationBotFrameworkAuthentication, MessageFactory, TeamsActivityHandler, TurnContext,
} from "botbuilder";
import express from "express";

const remembered = join(process.env.BOT_DATA, "remembered.json");

const card = (lines, actions = []) =>
  CardFactory.adaptiveCard({
    type: "AdaptiveCard",
    version: "1.5",
    body: lines.map((text) => ({ type: "TextBlock", text })),
    actions,
  });

/** The poll as everyone sees it. After the first vote it has fewer buttons. */
function pollCard(votes, fresh) {
  const submit = (title, data) => ({ type: "Action.Submit", title, data });
  return card(["Tea or coffee?", `tea ${votes.tea}, coffee ${votes.coffee}`], [
    ...(fresh ? [submit("Tea", { vote: "tea" }), submit("Coffee", { vote: "coffee" })] : []),
    { type: "Action.Execute", title: "Coffee, quietly", verb: "vote", data: { vote: "coffee" } },
    submit("Close", { close: true }),
  ]);
}

class Bot extends TeamsActivityHandler {
  heard = [];
  polls = new Map();
  activityIds = [];

  constructor() {
    super();
    this.onTurn(async (context, next) => {
      const { type, name, action, text, channelData } = context.activity;
      this.heard.push({ type, name, action, text, eventType: channelData?.eventType });
      await next();
    });
    this.onMessage(async (context, next) => {
      const { value, replyToId } = context.activity;
      await (value ? this.clicked(context, replyToId, value) : this.told(context));
      await next();
    });
    this.onTeamsMessageEditEvent(async (context, next) => this.hook("edited", next));
    this.onTeamsMessageUndeleteEvent(async (context, next) => this.hook("restored", next));
    this.onTeamsMessageSoftDeleteEvent(async (context, next) => this.hook("deleted", next));
  }

  async hook(name, next) {
    this.heard.push({ hook: name });
    await next();
  }

  async told(context) {
    TurnContext.removeRecipientMention(context.activity);
    const text = context.activity.text.trim();
    switch (text) {
      case "progress":
        return this.progress(context);
      case "poll":
        return this.poll(context);
      case "five":
        for (let i = 1; i <= 5; i++) {
          const { id } = await context.sendActivity(`message ${i}`);
          this.activityIds.push(id);
        }
        return;
      case "update":
        for (const activityId of this.activityIds) {
          const newActivity = MessageFactory.text("The new text for the activity");
          newActivity.id = activityId;
          await context.updateActivity(newActivity);
        }
        return;
      case "delete":
        for (let i = 0; i < this.activityIds.length; i++) {
          await context.deleteActivity(this.activityIds[i]);
        }
        this.activityIds = [];
        return;
      case "remember":
        return this.remember(context);
      case "stream":
        return this.stream(context);
      case "ask":
        return this.ask(context);
      case "hooks":
        return this.hooks(context);
      default:
        await context.sendActivity(`echo: ${text}`);
    }
  }

  /** One message that advances: text, text, card, text. */
  async progress(context) {
    const { id } = await context.sendActivity("step 1");
    const step3 = MessageFactory.attachment(card(["step 3"]));
    for (const next of [MessageFactory.text("step 2"), step3, MessageFactory.text("done")]) {
      next.id = id;
      const updated = await context.updateActivity(next);
      if (updated.id !== id) {
        throw new Error(`the update of ${id} answered ${updated.id}`);
      }
    }
  }

  async poll(context) {
    const votes = { tea: 0, coffee: 0 };
    const { id } = await context.sendActivity(MessageFactory.attachment(pollCard(votes, true)));
    this.polls.set(id, votes);
  }

  /** A click on the poll comes as a message; its `replyToId` names the message with the card. */
  async clicked(context, id, { vote, close }) {
    const votes = this.polls.get(id);
    if (close) {
      const end = MessageFactory.text(`Winner: ${votes.tea < votes.coffee ? "coffee" : "tea"}`);
      await context.updateActivity({ ...end, id });
    } else {
      votes[vote] += 1;
      await context.updateActivity({ ...MessageFactory.attachment(pollCard(votes, false)), id });
    }
  }

  /** The quiet button: who clicked gets a card of their own, everyone sees the new totals. */
  async onAdaptiveCardInvoke(context, { action }) {
    await this.clicked(context, context.activity.replyToId, action.data);
    const personal = card([`you voted ${action.data.vote}`]);
    return { statusCode: 200, type: personal.contentType, value: personal.content };
  }

  /** Keeps what is needed to update a message when no turn is open. */
  async remember(context) {
    const { id } = await context.sendActivity("remembered");
    const reference = TurnContext.getConversationReference(context.activity);
    writeFileSync(remembered, JSON.stringify({ reference, id }));
  }

  /** This SDK has no helper for streams: each step says so in `channelData` and in an entity. */
  async stream(context) {
    const step = (type, text, info) =>
      context.sendActivity({ type, text, channelData: info, entities: [{ type: "streaminfo", ...info }] });
    const { id: streamId } = await step("typing", "thinking", { streamType: "informative", streamSequence: 1 });
    await step("typing", "one", { streamId, streamType: "streaming", streamSequence: 2 });
    await step("typing", "one two", { streamId, streamType: "streaming", streamSequence: 3 });
    await step("message", "one two three", { streamId, streamType: "final" });
  }

  /** Handlers two deep that watch, change and swallow what this turn sends, updates and deletes. */
  async hooks(context) {
    for (const level of ["outer", "inner"]) {
      const pass = async (verb, what, change, next) => {
        this.heard.push({ hook: `${verb} ${level}: ${what}` });
        if (what === `swallow ${level}`) {
          return verb === "send" ? [] : undefined;
        }
        if (what.startsWith("change")) {
          change(`${what} ${level}`);
        }
        const done = await next();
        const ids = [done].flat().map((response) => response?.id).filter((id) => id !== undefined);
        this.heard.push({ hook: `${verb} ${level} after: ${ids}` });
        return done;
      };
      context.onSendActivities((_, activities, next) =>
        pass("send", activities[0].text, (text) => (activities[0].text = text), next));
      context.onUpdateActivity((_, activity, next) =>
        pass("update", activity.text, (text) => (activity.text = text), next));
      context.onDeleteActivity((_, reference, next) =>
        pass("delete", reference.activityId, (id) => (reference.activityId = id), next));
    }
    const [{ id }] = await context.sendActivities([MessageFactory.text("watch"), MessageFactory.text("two")]);
    const others = ["change", "swallow outer", "swallow inner"];
    for (const text of others) {
      await context.sendActivity(text);
    }
    for (const text of ["watch", ...others]) {
      await context.updateActivity({ ...MessageFactory.text(text), id });
    }
    for (const activityId of [id, ...others]) {
      await context.deleteActivity(activityId);
    }
  }

  async ask(context) {
    const button = { type: "Action.Submit", title: "Ask me", data: { msteams: { type: "task/fetch" } } };
    await context.sendActivity(MessageFactory.attachment(card(["May I ask?"], [button])));
  }

  async handleTeamsTaskModuleFetch() {
    const question = card([], [{ type: "Action.Submit", title: "Send" }]);
    question.content.body = [{ type: "Input.Text", id: "name", label: "Your name?" }];
    return { task: { type: "continue", value: { title: "A question", card: question } } };
  }

  async handleTeamsTaskModuleSubmit(context, { data }) {
    return { task: { type: "message", value: `Hello, ${data.name}` } };
  }
}

const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication(process.env));
const bot = new Bot();
const server = express();

server.post("/api/messages", express.json(), async (request, response) => {
  await adapter.process(request, response, (context) => bot.run(context));
});

server.post("/proactive", async (request, response) => {
  const { reference, id } = JSON.parse(readFileSync(remembered));
  await adapter.continueConversationAsync(process.env.MicrosoftAppId, reference, async (context) => {
    await context.updateActivity({ ...MessageFactory.text(request.query.text), id });
  });
  response.json({ id });
});

// Writes, updates and deletes with no turn open.
server.post("/continue", async (request, response) => {
  const { reference } = JSON.parse(readFileSync(remembered));
  await adapter.continueConversationAsync(process.env.MicrosoftAppId, reference, async (context) => {
    const { id } = await context.sendActivity("later");
    await context.updateActivity({ ...MessageFactory.text("later still"), id });
    await context.deleteActivity(id);
  });
  response.json({});
});

server.get("/heard", (request, response) => response.json(bot.heard));

server.listen(process.env.PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${process.env.PORT}`));
