// `chat.delete`: messages disappear, parents leave tombstones, and threads are counted anew.

import assert from "node:assert/strict";
import test from "node:test";

import { ada, ben, bot, cleo, find, history, otherBot, post, reasons, refused, replies, room } from "./world.js";

/** A tombstone, every member of it. */
const tombstone = (ts, thread) => ({
  type: "message", subtype: "tombstone", user: "USLACKBOT", text: "This message was deleted.", ts, thread_ts: ts,
  parent_user_id: "USLACKBOT", hidden: true, is_locked: false, subscribed: false, ...thread,
});

test("a message disappears", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const kept = await post(bot, channel, "kept");
  const ts = await post(bot, channel, "gone");
  const answer = await bot.chat.delete({ channel, ts });
  assert.deepEqual([answer.ok, answer.channel, answer.ts], [true, channel, ts]);
  for (const reader of [bot, ada]) {
    assert.deepEqual((await history(reader, channel)).map((message) => message.ts), [kept]);
    await refused("thread_not_found", reader.conversations.replies({ channel, ts }));
    await refused("message_not_found", reader.chat.getPermalink({ channel, message_ts: ts }));
  }
  await refused("message_not_found", bot.chat.delete({ channel, ts }));
  await refused("message_not_found", bot.chat.update({ channel, ts, text: "back again" }));
});

test("a parent leaves a tombstone, which the last reply takes with it", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const root = await post(bot, channel, "root", { blocks: [{ type: "divider" }], attachments: [{ text: "part" }] });
  const first = await post(ada, channel, "first", { thread_ts: root });
  const second = await post(bot, channel, "second", { thread_ts: root });
  await bot.chat.delete({ channel, ts: root });
  const both = {
    reply_count: 2, reply_users_count: 2, latest_reply: second, reply_users: ["U01ADA", "U01DEPLOY"],
  };
  for (const reader of [bot, ada]) {
    assert.deepEqual(await history(reader, channel), [tombstone(root, both)]);
    const [stone, ...rest] = await replies(reader, channel, root);
    assert.deepEqual(stone, tombstone(root, both));
    assert.deepEqual(rest.map((message) => message.text), ["first", "second"]);
    assert.deepEqual(new Set(rest.map((message) => message.parent_user_id)), new Set(["USLACKBOT"]));
  }
  await refused("cant_delete_message", bot.chat.delete({ channel, ts: root }));
  await refused("cant_update_message", bot.chat.update({ channel, ts: root, text: "alive" }));

  await bot.chat.delete({ channel, ts: second });
  const one = { reply_count: 1, reply_users_count: 1, latest_reply: first, reply_users: ["U01ADA"] };
  assert.deepEqual(await history(bot, channel), [tombstone(root, one)]);
  await ada.chat.delete({ channel, ts: first });
  assert.deepEqual(await history(bot, channel), []);
  await refused("thread_not_found", bot.conversations.replies({ channel, ts: root }));
});

test("a living parent is counted anew", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const root = await post(bot, channel, "root");
  const first = await post(bot, channel, "first", { thread_ts: root });
  const second = await post(ada, channel, "second", { thread_ts: root, reply_broadcast: true });
  await ada.chat.delete({ channel, ts: second });
  const parent = await find(bot, channel, root);
  assert.deepEqual([parent.reply_count, parent.latest_reply, parent.reply_users], [1, first, ["U01DEPLOY"]]);
  assert.equal((await history(bot, channel)).length, 1);
  await bot.chat.delete({ channel, ts: first });
  const alone = await find(bot, channel, root);
  assert.deepEqual([alone.text, alone.reply_count, alone.thread_ts], ["root", undefined, undefined]);
});

test("who may delete what", async () => {
  const channel = await room(bot, ["U01ADA", "U01BEN", "U01CLEO", "U01POLL"]);
  const [ofBot, ofCleo] = [await post(bot, channel, "bot's"), await post(cleo, channel, "cleo's")];
  for (const [by, ts] of [[otherBot, ofBot], [cleo, ofBot], [bot, ofCleo], [ben, ofCleo]]) {
    assert.match(reasons(await refused("cant_delete_message", by.chat.delete({ channel, ts }))), /posted by/);
  }
  assert.equal((await history(bot, channel)).length, 2);
  await ben.chat.delete({ channel, ts: ofBot });
  await ada.chat.delete({ channel, ts: ofCleo });
  assert.deepEqual(await history(bot, channel), []);
});

test("deletions that are refused delete nothing", async () => {
  const channel = await room(bot);
  const ts = await post(bot, channel, "stays");
  for (const [code, call] of [
    ["message_not_found", { channel, ts: "1234567890.000100" }],
    ["channel_not_found", { channel: "C0NOWHERE", ts }],
    ["channel_not_found", { channel: "general", ts }],
    ["invalid_arguments", { channel, ts: "" }],
  ]) {
    await refused(code, bot.chat.delete(call));
  }
  await bot.conversations.archive({ channel });
  await refused("cant_delete_message", bot.chat.delete({ channel, ts }));
  assert.deepEqual((await history(bot, channel)).map((message) => message.ts), [ts]);
});
