// A poll with a button for each answer: `poll Lunch? | Soup | Salad`. The same bot in Rust is crates/bot/examples/poll.rs.

import { Actions, Button, Card, CardText } from "chat";
import { bot } from "./listen.js";

/** Questions, their answers, and who chose which, by the ids of their messages. */
const polls = new Map();

function content({ question, answers, votes }) {
  const count = (answer) => [...votes.values()].filter((vote) => vote === answer).length;
  return Card({
    title: question,
    children: [
      ...answers.map((answer) => CardText(`${answer}: ${count(answer)}`)),
      Actions(answers.map((answer) => Button({ id: `vote.${answer}`, label: answer, value: answer }))),
    ],
  });
}

bot.onNewMention(async (thread, message) => {
  const [, words] = message.text.match(/poll (.*)/) ?? [];
  if (words === undefined) {
    return;
  }
  const [question, ...answers] = words.split("|").map((word) => word.trim());
  const poll = { question, answers, votes: new Map() };
  const sent = await thread.post(content(poll));
  polls.set(sent.id, poll);
});

bot.onAction(async (event) => {
  const poll = polls.get(event.messageId);
  if (poll !== undefined) {
    poll.votes.set(event.user.userId, event.value);
    await event.adapter.editMessage(event.threadId, event.messageId, content(poll));
  }
});
