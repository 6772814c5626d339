// The bot under test: a poll with buttons.

import bolt from "@slack/bolt";

const summary = (question, votes) =>
  [question, ...Array.from(votes, ([answer, voters]) => `${answer}: ${voters.size}`)].join(" ");

const button = (action_id, text) => ({ type: "button", action_id, text: { type: "plain_text", text }, value: text });

function shown(poll, question, votes) {
  const text = summary(question, votes);
  const elements = [...Array.from(votes.keys(), (answer) => button(`vote-${answer}`, answer)), button("close", "Close")];
  const section = { type: "section", text: { type: "mrkdwn", text } };
  return { text, blocks: [section, { type: "actions", block_id: poll, elements }] };
}

export function make(options) {
  const app = new bolt.App({ socketMode: true, logLevel: bolt.LogLevel.ERROR, ...options });
  const polls = new Map();

  app.command("/poll", async ({ ack, command, client }) => {
    await ack();
    const [question, ...answers] = command.text.split("|").map((part) => part.trim());
    const votes = new Map(answers.map((answer) => [answer, new Set()]));
    const { trigger_id: poll, channel_id: channel } = command;
    polls.set(poll, [question, votes]);
    const post_at = Math.floor(Date.now() / 1000) + 3600;
    await client.chat.scheduleMessage({ channel, post_at, text: `Have you voted? ${question}` });
    await client.chat.postMessage({ channel, ...shown(poll, question, votes) });
  });

  app.action(/^vote-/, async ({ ack, body, action, client }) => {
    await ack();
    const [question, votes] = polls.get(action.block_id);
    votes.get(action.value).add(body.user.id);
    await update(client, body, shown(action.block_id, question, votes));
  });

  app.action("close", async ({ ack, body, action, client }) => {
    await ack();
    await update(client, body, { text: `${summary(...polls.get(action.block_id))} (closed)`, blocks: [] });
  });

  const update = (client, body, message) =>
    client.chat.update({ channel: body.channel.id, ts: body.message.ts, ...message });

  return app;
}
