// `chat.update`: what is replaced, what stays, who may do it, and what readers find afterwards.

import assert from "node:assert/strict";
import test from "node:test";

import { ada, bot, client, cleo, find, history, otherBot, post, reasons, refused, replies, room } from "./world.js";

const section = (block_id) => [{ type: "section", block_id, text: { type: "mrkdwn", text: "block" } }];
const meta = (event_type) => ({ event_type, event_payload: { n: 1 } });
const full = { text: "old", blocks: section("old"), attachments: [{ text: "old part" }], metadata: meta("old") };
const kept = { text: "old", blocks: ["old"], attachments: ["old part"], metadata: meta("old") };
const without = (...names) => Object.fromEntries(Object.entries(kept).filter(([name]) => !names.includes(name)));

/** What a message says, in short. Generated blocks are no blocks. */
function content(message) {
  const parts = {
    text: message.text,
    blocks: (message.blocks ?? []).filter((block) => block.type !== "rich_text").map((block) => block.block_id),
    attachments: (message.attachments ?? []).map((it) => it.text),
    metadata: message.metadata ?? [],
  };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part.length !== 0));
}

for (const [name, posted, change, left] of [
  ["text alone drops blocks", full, { text: "new" }, { ...without("blocks"), text: "new" }],
  ["blocks alone keep the text", full, { blocks: section("new") }, { ...kept, blocks: ["new"] }],
  ["text and blocks", full, { text: "new", blocks: section("new") }, { ...kept, text: "new", blocks: ["new"] }],
  ["text beside the same blocks", full, { text: "new", blocks: section("old") }, { ...kept, text: "new" }],
  ["text and no blocks", full, { text: "new", blocks: [] }, { ...without("blocks"), text: "new" }],
  ["no blocks", full, { blocks: [] }, without("blocks")],
  ["empty text with blocks", full, { text: "", blocks: section("new") }, { ...without("text"), blocks: ["new"] }],
  ["no attachments", full, { attachments: [] }, without("attachments")],
  ["attachments", full, { attachments: [{ text: "a" }, { text: "b" }] }, { ...kept, attachments: ["a", "b"] }],
  ["no metadata", full, { metadata: {} }, without("metadata")],
  ["metadata", full, { metadata: meta("new") }, { ...kept, metadata: meta("new") }],
  ["markdown drops blocks", full, { markdown_text: "**new**" }, { ...without("blocks"), text: "*new*" }],
  ["everything at once", full, { text: "new", blocks: [], attachments: [], metadata: {} }, { text: "new" }],
  ["text to text", { text: "old" }, { text: "new" }, { text: "new" }],
  ["text to blocks", { text: "old" }, { blocks: section("new") }, { text: "old", blocks: ["new"] }],
  ["no difference is an edit", { text: "same" }, { text: "same" }, { text: "same" }],
]) {
  test(`an update: ${name}`, async () => {
    const channel = await room(bot);
    const before = await bot.chat.postMessage({ channel, ...posted });
    const answer = await bot.chat.update({ channel, ts: before.ts, ...change });
    assert.deepEqual([answer.channel, answer.ts, answer.text], [channel, before.ts, answer.message.text]);
    assert.equal(answer.message.ts, undefined);
    assert.deepEqual(content(answer.message), left);
    assert.equal("attachments" in answer.message, "attachments" in left);
    assert.equal("metadata" in answer.message, "metadata" in left);
    const after = await find(bot, channel, before.ts);
    assert.deepEqual(content(after), left);
    assert.deepEqual(content((await replies(bot, channel, before.ts))[0]), left);
    assert.deepEqual(after.edited, answer.message.edited);
    assert.equal(after.edited.user, "B01DEPLOY");
    assert.match(after.edited.ts, /^\d{10}\.000000$/);
    assert.deepEqual([after.user, after.bot_id, after.team], ["U01DEPLOY", "B01DEPLOY", "T01ACME"]);
  });
}

test("parse and link_names start anew", async () => {
  const channel = await room(bot);
  const text = "see https://x.example in #general";
  const ts = await post(bot, channel, text, { parse: "none", link_names: true });
  assert.equal((await find(bot, channel, ts)).text, "see https://x.example in <#C01GENERAL>");
  await bot.chat.update({ channel, ts, text });
  assert.equal((await find(bot, channel, ts)).text, "see <https://x.example> in #general");
  await bot.chat.update({ channel, ts, text, link_names: true, parse: "none" });
  assert.equal((await find(bot, channel, ts)).text, "see https://x.example in <#C01GENERAL>");
});

test("the message stays where it is", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const first = await post(bot, channel, "first");
  const second = await post(ada, channel, "second");
  const reply = await post(bot, channel, "reply", { thread_ts: first });
  for (const [ts, text] of [[first, "changed"], [reply, "changed too"]]) {
    await bot.chat.update({ channel, ts, text });
  }
  const line = await history(ada, channel);
  assert.deepEqual(line.map((message) => message.ts), [second, first]);
  assert.deepEqual([line[1].reply_count, line[1].latest_reply], [1, reply]);
  assert.deepEqual((await replies(ada, channel, first)).map((message) => message.text), ["changed", "changed too"]);
});

test("a reply is brought to the channel", async () => {
  const channel = await room(bot);
  const root = await post(bot, channel, "root");
  const reply = await post(bot, channel, "reply", { thread_ts: root });
  await bot.chat.update({ channel, ts: reply, reply_broadcast: true });
  const line = await history(bot, channel);
  assert.deepEqual(line.map((message) => message.text), ["reply", "root"]);
  assert.deepEqual([line[0].subtype, line[0].root.ts], ["thread_broadcast", root]);
  await refused("cant_broadcast_message", bot.chat.update({ channel, ts: root, text: "x", reply_broadcast: true }));
});

test("who may update what", async () => {
  const channel = await room(bot, ["U01ADA", "U01CLEO", "U01POLL"]);
  const [ours, hers] = [await post(bot, channel, "ours"), await post(ada, channel, "hers")];
  for (const [by, ts] of [[otherBot, ours], [ada, ours], [cleo, hers], [bot, hers]]) {
    const answer = await refused("cant_update_message", by.chat.update({ channel, ts, text: "not mine" }));
    assert.match(reasons(answer), /posted by/);
  }
  await client("fake-token").chat.update({ channel, ts: ours, text: "ours, again" });
  const { message } = await ada.chat.update({ channel, ts: hers, text: "hers, again" });
  assert.equal(message.edited.user, "U01ADA");
  assert.deepEqual((await history(bot, channel)).map((it) => it.text), ["hers, again", "ours, again"]);
});

test("updates that are refused change nothing", async () => {
  const channel = await room(bot);
  const elsewhere = await room(bot);
  const ts = await post(bot, channel, "old");
  const bad = { channel, ts, text: "x" };
  for (const [code, call] of [
    ["message_not_found", { ...bad, ts: "1234567890.000100" }],
    ["message_not_found", { ...bad, channel: elsewhere }],
    ["channel_not_found", { ...bad, channel: "C0NOWHERE" }],
    ["channel_not_found", { ...bad, channel: "general" }],
    ["no_text", { channel, ts, text: "" }],
    ["msg_too_long", { ...bad, text: "a".repeat(4001) }],
    ["markdown_text_conflict", { ...bad, markdown_text: "a" }],
    ["invalid_blocks", { ...bad, blocks: [{ type: "nothing" }] }],
    ["invalid_blocks_format", { ...bad, blocks: "no JSON" }],
    ["too_many_attachments", { ...bad, attachments: Array(101).fill({ text: "a" }) }],
    ["invalid_metadata_schema", { ...bad, metadata: { event_type: "x" } }],
    ["invalid_arguments", { ...bad, as_user: false }],
  ]) {
    await refused(code, bot.chat.update(call));
  }
  const message = await find(bot, channel, ts);
  assert.deepEqual([message.text, message.edited], ["old", undefined]);
  await bot.conversations.archive({ channel });
  await refused("is_inactive", bot.chat.update(bad));
});
