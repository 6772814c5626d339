// A bot written with the multi-platform Chat SDK: one source on Slack and Teams, which posts, edits, streams and deletes.

import { bot } from "./listen.js";

async function* words() {
  for (const word of ["one ", "two ", "three"]) {
    yield word;
  }
}

bot.onNewMention(async (thread, message) => {
  if (message.text.includes("post")) {
    const sent = await thread.post("step 1");
    await sent.edit("step 2");
    await sent.edit({ markdown: "**step 3**" });
  } else if (message.text.includes("stream")) {
    await thread.post(words());
  } else if (message.text.includes("delete")) {
    const sent = await thread.post("soon deleted");
    await sent.delete();
    await thread.post("deleted it");
  }
});
