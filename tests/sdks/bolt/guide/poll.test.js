import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { make } from "./bot.js";
import { start } from "./redraft.js";

let redraft;
let bot;

beforeEach(async () => {
  redraft = await start(fileURLToPath(new URL("seed.yaml", import.meta.url)));
  const clientOptions = { slackApiUrl: `${redraft.url}/api/` };
  bot = make({ token: "xoxb-pollbot", appToken: "xapp-pollbot", clientOptions });
  await bot.start();
});

afterEach(async () => {
  await bot.stop();
  await redraft.stop();
});

const channel = "general";

async function ask() {
  await redraft.act("ben", "commands", { channel, command: "/poll Lunch? | Soup | Salad" });
  return redraft.wait({ channel, contains: "Lunch?" });
}

const press = (person, message, action) => redraft.act(person, "actions", { channel, ts: message.ts, action });

test("votes are counted", async () => {
  const poll = await ask();
  await press("ann", poll, "Soup");
  await redraft.wait({ channel, ts: poll.ts, text: "Lunch? Soup: 1 Salad: 0" });
  await press("ben", poll, "Salad");
  await redraft.wait({ channel, ts: poll.ts, text: "Lunch? Soup: 1 Salad: 1" });
});

test("a closed poll has no buttons", async () => {
  const poll = await ask();
  await press("ben", poll, "Close");
  const closed = await redraft.wait({ channel, ts: poll.ts, contains: "(closed)" });
  assert.ok(!closed.blocks?.length);
});

test("people are reminded after an hour", async () => {
  await ask();
  await redraft.advance(3600);
  await redraft.wait({ channel, text: "Have you voted? Lunch?" });
});
