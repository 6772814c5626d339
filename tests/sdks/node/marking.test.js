// Reactions, pins, topics, messages for later and the rest around messages.

import assert from "node:assert/strict";
import test from "node:test";

import { ben, bot, fresh, history, post, refused, room } from "./world.js";

test("reactions", async () => {
  const channel = await room(bot, ["U01BEN"]);
  const timestamp = await post(bot, channel);
  const eyes = { channel, timestamp, name: "eyes" };
  await bot.reactions.add(eyes);
  await ben.reactions.add(eyes);
  await refused("already_reacted", bot.reactions.add(eyes));
  const expected = [{ name: "eyes", users: ["U01DEPLOY", "U01BEN"], count: 2 }];
  const got = await bot.reactions.get({ channel, timestamp });
  assert.deepEqual([got.type, got.channel, got.message.reactions], ["message", channel, expected]);
  assert.deepEqual((await history(bot, channel))[0].reactions, expected);
  assert.equal((await ben.reactions.list({ limit: 1 })).items[0].message.ts, timestamp);
  await ben.reactions.remove(eyes);
  await refused("no_reaction", ben.reactions.remove(eyes));
});

test("pins", async () => {
  const channel = await room(bot);
  const timestamp = await post(bot, channel, "remember this");
  await bot.pins.add({ channel, timestamp });
  await refused("already_pinned", bot.pins.add({ channel, timestamp }));
  const { items } = await bot.pins.list({ channel });
  assert.deepEqual(items.map((item) => [item.created_by, item.message.text]), [["U01DEPLOY", "remember this"]]);
  await bot.pins.remove({ channel, timestamp });
  assert.deepEqual((await bot.pins.list({ channel })).items, []);
});

test("topic, purpose, name, mark", async () => {
  const channel = await room(bot);
  const { topic } = (await bot.conversations.setTopic({ channel, topic: "tea" })).channel;
  assert.deepEqual([topic.value, topic.creator], ["tea", "U01DEPLOY"]);
  assert.equal((await bot.conversations.setPurpose({ channel, purpose: "talk" })).purpose, "talk");
  const name = fresh("renamed");
  assert.equal((await bot.conversations.rename({ channel, name })).channel.name, name);
  const { messages } = await bot.conversations.history({ channel });
  const subtypes = messages.map((message) => message.subtype);
  assert.deepEqual(subtypes, ["channel_name", "channel_purpose", "channel_topic"]);
  const ts = await post(bot, channel);
  await bot.conversations.mark({ channel, ts });
  assert.equal((await bot.conversations.info({ channel })).channel.last_read, ts);
});

test("messages for later", async () => {
  const channel = await room(bot);
  const post_at = Math.floor(Date.now() / 1000) + 3600;
  const made = await bot.chat.scheduleMessage({ channel, text: "later", post_at });
  assert.deepEqual([made.channel, made.post_at, made.message.text], [channel, post_at, "later"]);
  const { scheduled_messages: waiting } = await bot.chat.scheduledMessages.list({ channel });
  assert.deepEqual(waiting.map((it) => [it.id, it.text]), [[made.scheduled_message_id, "later"]]);
  const scheduled = { channel, scheduled_message_id: made.scheduled_message_id };
  await bot.chat.deleteScheduledMessage(scheduled);
  await refused("invalid_scheduled_message_id", bot.chat.deleteScheduledMessage(scheduled));
});

test("presence, profile, user groups", async () => {
  assert.equal((await bot.users.getPresence({ user: "U01CLEO" })).presence, "active");
  assert.equal((await bot.users.profile.get({ user: "U01ADA" })).profile.real_name, "Ada Lovelace");
  assert.ok(Array.isArray((await bot.usergroups.list({ include_users: true })).usergroups));
  await refused("no_such_subteam", bot.usergroups.users.list({ usergroup: "S0NOBODY" }));
});
