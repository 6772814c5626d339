// A bot written with Bolt for JavaScript. With SLACK_APP_TOKEN it opens a socket, otherwise it listens on PORT.

import bolt from "@slack/bolt";

const { SLACK_API_URL, SLACK_APP_TOKEN, SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, PORT } = process.env;

const app = new bolt.App({
  token: SLACK_BOT_TOKEN,
  clientOptions: { slackApiUrl: SLACK_API_URL },
  ...(SLACK_APP_TOKEN ? { socketMode: true, appToken: SLACK_APP_TOKEN } : { signingSecret: SLACK_SIGNING_SECRET }),
});

const plain = (text) => ({ type: "plain_text", text });
const section = (text) => ({ type: "section", text: { type: "mrkdwn", text } });
const button = (text, action_id, value) => ({ type: "button", text: plain(text), action_id, value });

const tally = (votes) => {
  const count = (wanted) => [...votes.values()].filter((vote) => vote === wanted).length;
  return `tea ${count("tea")}, coffee ${count("coffee")}`;
};
const pollBlocks = (question, votes) => [
  section(`*${question}*`),
  section(tally(votes)),
  {
    type: "actions", block_id: "poll",
    elements: [button("Tea", "vote_tea", "tea"), button("Coffee", "vote_coffee", "coffee"), button("Close", "close_poll")],
  },
];
const note = (text, ...elements) => [section(text), { type: "actions", block_id: "note", elements }];
const replaceButton = button("Replace", "replace_note");
const removeButton = button("Remove", "remove_note");

const feedback = (channel) => ({
  type: "modal", callback_id: "feedback", private_metadata: channel,
  title: plain("Feedback"), submit: plain("Send"), close: plain("Cancel"),
  blocks: [
    {
      type: "input", block_id: "words", label: plain("What is it?"),
      element: { type: "plain_text_input", action_id: "typed" },
    },
    {
      type: "input", block_id: "team", label: plain("For whom?"),
      element: { type: "external_select", action_id: "chosen_team", min_query_length: 0 },
    },
  ],
});

const polls = new Map();
const pollOf = ({ ts, blocks }) => {
  if (!polls.has(ts)) polls.set(ts, { votes: new Map(), last: Promise.resolve() });
  return { ...polls.get(ts), question: blocks[0].text.text.replaceAll("*", "") };
};

app.command("/poll", async ({ ack, command, say }) => {
  await ack();
  const question = command.text;
  await say({ text: question, blocks: pollBlocks(question, new Map()) });
});

app.action(/^vote_/, async ({ ack, body, action, client }) => {
  await ack();
  const { ts } = body.message;
  const { question, votes, last } = pollOf(body.message);
  // One update after the other, so that the last one shows every vote.
  polls.get(ts).last = last.then(() => {
    votes.set(body.user.id, action.value);
    const text = `${question} ${tally(votes)}`;
    return client.chat.update({ channel: body.channel.id, ts, text, blocks: pollBlocks(question, votes) });
  });
  await polls.get(ts).last;
});

app.action("close_poll", async ({ ack, body, client }) => {
  await ack();
  const { question, votes } = pollOf(body.message);
  await client.chat.update({
    channel: body.channel.id, ts: body.message.ts,
    text: `${question} is closed: ${tally(votes)}`, blocks: [section(`*${question}* is closed: ${tally(votes)}`)],
  });
});

app.command("/feedback", async ({ ack, command, client }) => {
  await ack();
  await client.views.open({ trigger_id: command.trigger_id, view: feedback(command.channel_id) });
});

app.options("chosen_team", async ({ ack, payload }) => {
  const found = ["Search", "Storage", "Streams"].filter((team) => team.toLowerCase().startsWith(payload.value.toLowerCase()));
  await ack({ options: found.map((team) => ({ text: plain(team), value: team.toLowerCase() })) });
});

app.view("feedback", async ({ ack, body, view, client }) => {
  const words = view.state.values.words.typed.value;
  const team = view.state.values.team.chosen_team.selected_option.value;
  if (words.length < 5) {
    await ack({ response_action: "errors", errors: { words: "Say a little more." } });
    return;
  }
  await ack();
  await client.chat.postMessage({
    channel: view.private_metadata, text: `Feedback of <@${body.user.id}> for ${team}: ${words}`,
  });
});

app.command("/echo", async ({ ack, command }) => ack(`echo: ${command.text}`));

app.command("/slow", async ({ ack, command, respond }) => {
  await ack();
  await respond("working on it");
  await respond({ response_type: "in_channel", text: `slow: ${command.text}` });
});

app.command("/quiet", async ({ ack, command, client }) => {
  await ack();
  await client.chat.postEphemeral({
    channel: command.channel_id, user: command.user_id,
    text: "only you see this", blocks: note("only you see this", replaceButton, removeButton),
  });
});

app.action("replace_note", async ({ ack, respond }) => {
  await ack();
  await respond({ replace_original: true, text: "replaced", blocks: note("replaced", removeButton) });
});

app.action("remove_note", async ({ ack, respond }) => {
  await ack();
  await respond({ delete_original: true });
});

app.event("app_mention", async ({ event, context, say, client }) => {
  const words = event.text.split(">").slice(1).join(">").trim();
  const thread_ts = event.thread_ts ?? event.ts;
  if (words !== "stream") {
    await say({ text: `You said: ${words}`, thread_ts });
    return;
  }
  const streamer = client.chatStream({
    buffer_size: 5, channel: event.channel, thread_ts,
    recipient_team_id: context.teamId, recipient_user_id: event.user,
  });
  for (const part of ["one ", "two ", "three ", "four ", "five"]) {
    await streamer.append({ markdown_text: part });
  }
  await streamer.stop();
});

await app.start(SLACK_APP_TOKEN ? undefined : Number(PORT));
console.log("running");
