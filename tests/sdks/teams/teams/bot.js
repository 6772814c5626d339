// A bot written with the Teams SDK for JavaScript. The bots in the folders beside this one do the same with other SDKs.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MessageActivityInput, PUBLIC, stripMentionsText, withOverrides } from "@microsoft/teams.api";
import { App, ExpressAdapter } from "@microsoft/teams.apps";
import {
  AdaptiveCard, ExecuteAction, OpenDialogData, SubmitAction, SubmitData, TextBlock, TextInput,
} from "@microsoft/teams.cards";
import express from "express";

const remembered = join(process.env.BOT_DATA, "remembered.json");
const server = express();
// Where the keys of the channel are, if not at Microsoft's address.
const cloud = withOverrides(PUBLIC, { openIdMetadataUrl: process.env.OPENID_METADATA_URL });
const app = new App({ cloud, httpServerAdapter: new ExpressAdapter(server) });

const heard = [];
const polls = new Map();
let activityIds = [];

const card = (...lines) => new AdaptiveCard(...lines.map((line) => new TextBlock(line)));
const message = (content) => typeof content === "string"
  ? new MessageActivityInput(content)
  : new MessageActivityInput().addCard("adaptive", content);

/** The poll as everyone sees it. After the first vote it has fewer buttons. */
function pollCard(votes, fresh) {
  const submit = (title, data) => new SubmitAction({ title, data });
  return card("Tea or coffee?", `tea ${votes.tea}, coffee ${votes.coffee}`).withActions(
    ...(fresh ? [submit("Tea", { vote: "tea" }), submit("Coffee", { vote: "coffee" })] : []),
    new ExecuteAction({ title: "Coffee, quietly", verb: "vote", data: { vote: "coffee" } }),
    submit("Close", { close: true }),
  );
}

app.on("activity", async ({ activity, next }) => {
  const { type, name, action, text, channelData } = activity;
  heard.push({ type, name, action, text, eventType: channelData?.eventType });
  await next();
});

const hooks = { editMessage: "edited", undeleteMessage: "restored", softDeleteMessage: "deleted" };
for (const [event, hook] of Object.entries(hooks)) {
  app.on(event, async () => {
    heard.push({ hook });
  });
}

app.on("message", async (context) => {
  const { activity } = context;
  if (activity.value) {
    return clicked(context, activity.value);
  }
  const text = stripMentionsText(activity).trim();
  await (text in commands ? commands[text](context) : context.send(`echo: ${text}`));
});

const commands = {
  /** One message that advances: text, text, card, text. What has an id is not posted but updated. */
  async progress({ send }) {
    const { id } = await send("step 1");
    for (const step of ["step 2", card("step 3"), "done"]) {
      const updated = await send(message(step).withId(id));
      if (updated.id !== id) {
        throw new Error(`the update of ${id} answered ${updated.id}`);
      }
    }
  },

  async poll({ send }) {
    const votes = { tea: 0, coffee: 0 };
    const { id } = await send(message(pollCard(votes, true)));
    polls.set(id, votes);
  },

  async five({ send }) {
    for (let i = 1; i <= 5; i++) {
      const { id } = await send(`message ${i}`);
      activityIds.push(id);
    }
  },

  async update({ api, activity }) {
    for (const activityId of activityIds) {
      const newActivity = message("The new text for the activity");
      await api.conversations.updateActivity(activity.conversation.id, activityId, newActivity);
    }
  },

  async delete({ api, activity }) {
    for (let i = 0; i < activityIds.length; i++) {
      await api.conversations.deleteActivity(activity.conversation.id, activityIds[i]);
    }
    activityIds = [];
  },

  /** Keeps what is needed to update a message when no turn is open. */
  async remember({ send, activity }) {
    const { id } = await send("remembered");
    writeFileSync(remembered, JSON.stringify({ conversation: activity.conversation.id, id }));
  },

  async stream({ stream }) {
    stream.update("thinking");
    for (const chunk of ["one ", "two ", "three"]) {
      stream.emit(chunk);
    }
  },

  async ask({ send }) {
    const button = new SubmitAction({ title: "Ask me", data: new OpenDialogData("question") });
    await send(message(card("May I ask?").withActions(button)));
  },
};

/** A click on the poll: `replyToId` names the message with the card. */
async function clicked({ send, activity }, { vote, close }) {
  const votes = polls.get(activity.replyToId);
  if (close) {
    await send(message(`Winner: ${votes.tea < votes.coffee ? "coffee" : "tea"}`).withId(activity.replyToId));
  } else {
    votes[vote] += 1;
    await send(message(pollCard(votes, false)).withId(activity.replyToId));
  }
}

// The quiet button: who clicked gets the returned card, everyone sees the new totals.
app.on("card.action", async (context) => {
  const { data } = context.activity.value.action;
  await clicked(context, data);
  return {
    statusCode: 200, type: "application/vnd.microsoft.card.adaptive", value: card(`you voted ${data.vote}`),
  };
});

app.on("dialog.open.question", async () => {
  const content = new AdaptiveCard(new TextInput({ id: "name", label: "Your name?" }))
    .withActions(new SubmitAction({ title: "Send", data: new SubmitData("answer") }));
  const question = { contentType: "application/vnd.microsoft.card.adaptive", content };
  return { task: { type: "continue", value: { title: "A question", card: question } } };
});

app.on("dialog.submit.answer", async ({ activity }) => {
  return { task: { type: "message", value: `Hello, ${activity.value.data.name}` } };
});

// Goes to the service URL in the environment variable SERVICE_URL.
server.post("/proactive", async (request, response) => {
  const { conversation, id } = JSON.parse(readFileSync(remembered));
  await app.send(conversation, message(request.query.text).withId(id));
  response.json({ id });
});

server.get("/heard", (request, response) => response.json(heard));

await app.initialize();
server.listen(process.env.PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${process.env.PORT}`));
