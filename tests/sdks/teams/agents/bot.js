// A bot written with the Microsoft 365 Agents SDK for JavaScript. The bots beside it do the same with other SDKs.

import {
  AgentApplication, authorizeJWT, CardFactory, CloudAdapter, FileStorage, loadAuthConfigFromEnv,
  MessageFactory,
} from "@microsoft/agents-hosting";
import express from "express";

const authentication = loadAuthConfigFromEnv();
const adapter = new CloudAdapter(authentication);
const storage = new FileStorage(process.env.BOT_DATA);
const bot = new AgentApplication({ adapter, storage, proactive: { storage } });

const heard = [];
const polls = new Map();
let activityIds = [];

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

adapter.use({
  async onTurn(context, next) {
    const { type, name, action, text, channelData } = context.activity;
    heard.push({ type, name, action, text, eventType: channelData?.eventType });
    await next();
  },
});

// One message that advances: text, text, card, text.
bot.onMessage(/^progress$/, async (context) => {
  const { id } = await context.sendActivity("step 1");
  const step3 = MessageFactory.attachment(card(["step 3"]));
  for (const next of [MessageFactory.text("step 2"), step3, MessageFactory.text("done")]) {
    next.id = id;
    await context.updateActivity(next);
  }
});

bot.onMessage(/^poll$/, async (context) => {
  const votes = { tea: 0, coffee: 0 };
  const { id } = await context.sendActivity(MessageFactory.attachment(pollCard(votes, true)));
  polls.set(id, votes);
});

/** A click on the poll: `replyToId` names the message with the card. */
async function clicked(context, { vote, close }) {
  const votes = polls.get(context.activity.replyToId);
  let message;
  if (close) {
    message = MessageFactory.text(`Winner: ${votes.tea < votes.coffee ? "coffee" : "tea"}`);
  } else {
    votes[vote] += 1;
    message = MessageFactory.attachment(pollCard(votes, false));
  }
  message.id = context.activity.replyToId;
  await context.updateActivity(message);
}

// The plain buttons: a click comes as a message with a value.
bot.onActivity(
  async ({ activity }) => activity.type === "message" && activity.value !== undefined,
  (context) => clicked(context, context.activity.value),
);

// The quiet button: who clicked gets the returned card, everyone sees the new totals.
bot.adaptiveCards.actionExecute("vote", async (context, state, { data }) => {
  await clicked(context, data);
  return card([`you voted ${data.vote}`]).content;
});

bot.onMessage(/^five$/, async (context) => {
  for (let i = 1; i <= 5; i++) {
    const { id } = await context.sendActivity(`message ${i}`);
    activityIds.push(id);
  }
});

bot.onMessage(/^update$/, async (context) => {
  for (const activityId of activityIds) {
    const newActivity = MessageFactory.text("The new text for the activity");
    newActivity.id = activityId;
    await context.updateActivity(newActivity);
  }
});

bot.onMessage(/^delete$/, async (context) => {
  for (let i = 0; i < activityIds.length; i++) {
    await context.deleteActivity(activityIds[i]);
  }
  activityIds = [];
});

// Keeps what is needed to update a message when no turn is open.
bot.onMessage(/^remember$/, async (context) => {
  const { id } = await context.sendActivity("remembered");
  const conversation = await bot.proactive.storeConversation(context);
  await storage.write({ remembered: { conversation, id } });
});

bot.onMessage(/^stream$/, async (context) => {
  context.streamingResponse.queueInformativeUpdate("thinking");
  for (const chunk of ["one ", "two ", "three"]) {
    context.streamingResponse.queueTextChunk(chunk);
  }
  await context.streamingResponse.endStream();
});

bot.onMessage(/^ask$/, async (context) => {
  const button = { type: "Action.Submit", title: "Ask me", data: { msteams: { type: "task/fetch" } } };
  await context.sendActivity(MessageFactory.attachment(card(["May I ask?"], [button])));
});

const invoked = (name) => async (context) => context.activity.type === "invoke" && context.activity.name === name;
const answer = (context, body) => context.sendActivity({ type: "invokeResponse", value: { status: 200, body } });

bot.addRoute(invoked("task/fetch"), async (context) => {
  const question = card([], [{ type: "Action.Submit", title: "Send" }]);
  question.content.body = [{ type: "Input.Text", id: "name", label: "Your name?" }];
  await answer(context, { task: { type: "continue", value: { title: "A question", card: question } } });
}, true);

bot.addRoute(invoked("task/submit"), async (context) => {
  await answer(context, { task: { type: "message", value: `Hello, ${context.activity.value.data.name}` } });
}, true);

bot.onActivity("message", async (context) => {
  await context.sendActivity(`echo: ${context.activity.text.trim()}`);
});

const server = express();

server.post("/api/messages", express.json(), authorizeJWT(authentication), async (request, response) => {
  await adapter.process(request, response, (context) => bot.run(context));
});

server.post("/proactive", async (request, response) => {
  const { remembered } = await storage.read(["remembered"]);
  await bot.proactive.continueConversation(adapter, remembered.conversation, async (context) => {
    const message = MessageFactory.text(request.query.text);
    message.id = remembered.id;
    await context.updateActivity(message);
  });
  response.json({ id: remembered.id });
});

server.get("/heard", (request, response) => response.json(heard));

server.listen(process.env.PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${process.env.PORT}`));
