// `conversations.*`: making, finding, joining, leaving, reading page by page.

import assert from "node:assert/strict";
import test from "node:test";

import {
  ada, ben, bot, find, fresh, gather, history, otherBot, post, refused, replies, room,
} from "./world.js";

const members = async (channel) => (await gather(bot, "conversations.members", { channel, limit: 2 }, "members"))[0];
const ids = (channels) => channels.map((channel) => channel.id);

test("a channel is made and found", async () => {
  const name = fresh("made");
  const { channel } = await bot.conversations.create({ name });
  assert.deepEqual(
    [channel.name, channel.is_channel, channel.is_private, channel.creator, channel.is_member],
    [name, true, false, "U01DEPLOY", true],
  );
  const info = (await ada.conversations.info({ channel: channel.id, include_num_members: true })).channel;
  assert.deepEqual([info.name, info.num_members, info.is_member], [name, 1, false]);
  await refused("name_taken", ada.conversations.create({ name }));
  assert.ok((await refused("invalid_name_specials", bot.conversations.create({ name: "Two Words" }))).detail);
  await refused("channel_not_found", bot.conversations.info({ channel: "C0NOWHERE" }));
});

test("a private channel is hidden from others", async () => {
  const channel = await room(bot, [], { is_private: true });
  const [mine] = await gather(bot, "conversations.list", { types: "private_channel", limit: 1 }, "channels");
  assert.ok(ids(mine).includes(channel));
  const [theirs] = await gather(otherBot, "conversations.list", { types: "private_channel" }, "channels");
  assert.ok(!ids(theirs).includes(channel));
  for (const method of ["info", "members", "history", "join"]) {
    await refused("channel_not_found", ada.conversations[method]({ channel }));
  }
});

test("conversations.list by pages", async () => {
  const mine = await room(bot);
  const [channels, pages] = await gather(bot, "conversations.list", { limit: 2 }, "channels");
  for (const id of [mine, "C01GENERAL", "C01RANDOM", "C01ATTIC"]) {
    assert.ok(ids(channels).includes(id), id);
  }
  assert.equal(new Set(ids(channels)).size, channels.length);
  assert.ok(1 < pages);
  const [active] = await gather(bot, "conversations.list", { exclude_archived: true }, "channels");
  assert.ok(!ids(active).includes("C01ATTIC"));
});

test("joining and leaving", async () => {
  const channel = await room(bot);
  const joined = await otherBot.conversations.join({ channel });
  assert.deepEqual([joined.channel.is_member, joined.warning], [true, undefined]);
  const again = await otherBot.conversations.join({ channel });
  assert.equal(again.warning, "already_in_channel");
  assert.deepEqual(again.response_metadata.warnings, ["already_in_channel"]);
  assert.deepEqual(await members(channel), ["U01DEPLOY", "U01POLL"]);
  await otherBot.conversations.leave({ channel });
  assert.deepEqual(await members(channel), ["U01DEPLOY"]);
  assert.equal((await otherBot.conversations.leave({ channel })).not_in_channel, true);
  await refused("cant_leave_general", bot.conversations.leave({ channel: "C01GENERAL" }));
});

test("inviting and kicking", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const failed = await refused("already_in_channel", bot.conversations.invite({ channel, users: "U01CLEO,U01ADA" }));
  assert.deepEqual(failed.errors, [{ user: "U01ADA", ok: false, error: "already_in_channel" }]);
  const forced = await bot.conversations.invite({ channel, users: "U01CLEO,U0NOBODY", force: true });
  assert.deepEqual(forced.errors.map((it) => it.error), ["user_not_found"]);
  assert.deepEqual(new Set(await members(channel)), new Set(["U01DEPLOY", "U01ADA", "U01CLEO"]));
  assert.deepEqual((await bot.conversations.kick({ channel, user: "U01CLEO" })).errors, {});
  assert.deepEqual(new Set(await members(channel)), new Set(["U01DEPLOY", "U01ADA"]));
  await refused("not_in_channel", bot.conversations.kick({ channel, user: "U01CLEO" }));
  await refused("cant_kick_self", bot.conversations.kick({ channel, user: "U01DEPLOY" }));
});

test("opening and closing direct messages", async () => {
  const { channel } = await bot.conversations.open({ users: "U01BEN" });
  assert.deepEqual(Object.keys(channel), ["id"]);
  const again = await bot.conversations.open({ users: "U01BEN", return_im: true });
  assert.deepEqual([again.channel.id, again.already_open, again.channel.user], [channel.id, true, "U01BEN"]);
  const ts = await post(bot, channel.id, "between us");
  assert.equal((await find(ben, channel.id, ts)).text, "between us");
  await ben.conversations.open({ channel: channel.id });
  assert.equal((await ben.conversations.close({ channel: channel.id })).already_closed, undefined);
  assert.equal((await ben.conversations.close({ channel: channel.id })).already_closed, true);
  const group = (await bot.conversations.open({ users: "U01ADA,U01CLEO,U01POLL", return_im: true })).channel;
  assert.equal(group.is_mpim, true);
  assert.equal((await members(group.id)).length, 4);
  await refused("users_list_not_supplied", bot.conversations.open({ users: "" }));
  await refused("channel_not_found", ada.conversations.history({ channel: channel.id }));
});

test("archiving and unarchiving", async () => {
  const channel = await room(bot);
  const ts = await post(bot, channel, "kept");
  await bot.conversations.archive({ channel });
  assert.equal((await bot.conversations.info({ channel })).channel.is_archived, true);
  await refused("is_archived", bot.chat.postMessage({ channel, text: "x" }));
  await refused("already_archived", bot.conversations.archive({ channel }));
  assert.deepEqual((await history(bot, channel)).map((message) => message.ts), [ts]);
  await bot.conversations.unarchive({ channel });
  await bot.chat.update({ channel, ts, text: "changed" });
  assert.equal((await find(bot, channel, ts)).text, "changed");
  await refused("not_archived", bot.conversations.unarchive({ channel }));
  await refused("cant_archive_general", bot.conversations.archive({ channel: "C01GENERAL" }));
});

test("history by pages, while messages come and go", async () => {
  const channel = await room(bot);
  const sent = [];
  for (let number = 0; number < 6; number += 1) {
    sent.push(await post(bot, channel, String(number)));
  }
  const found = [];
  for await (const page of bot.paginate("conversations.history", { channel, limit: 2 })) {
    found.push(...page.messages.map((message) => message.ts));
    if (found.length === 2) {
      await post(bot, channel, "new");
      await bot.chat.delete({ channel, ts: sent[3] });
    }
  }
  assert.deepEqual(found, [sent[5], sent[4], sent[2], sent[1], sent[0]]);
  // The form of the iterator that folds pages and stops where it is told to.
  const first = await bot.paginate(
    "conversations.history", { channel, limit: 2 }, () => true, (_, page) => page.messages.length,
  );
  assert.equal(first, 2);
  await refused("invalid_cursor", bot.conversations.history({ channel, cursor: "nonsense" }));
});

test("windows of history", async () => {
  const channel = await room(bot);
  const sent = [];
  for (const text of ["0", "1", "2", "3"]) {
    sent.push(await post(bot, channel, text));
  }
  const window = async (options) => (await history(bot, channel, options)).map((message) => message.text);
  assert.deepEqual(await window({ oldest: sent[1] }), ["3", "2"]);
  assert.deepEqual(await window({ oldest: sent[1], inclusive: true }), ["3", "2", "1"]);
  assert.deepEqual(await window({ latest: sent[2], inclusive: false }), ["1", "0"]);
  assert.deepEqual(await window({ latest: sent[2], inclusive: true, limit: 1 }), ["2"]);
});

test("replies by pages", async () => {
  const channel = await room(bot);
  const root = await post(bot, channel, "root");
  const sent = [];
  for (let number = 0; number < 5; number += 1) {
    sent.push(await post(bot, channel, String(number), { thread_ts: root }));
  }
  const seen = [];
  for await (const page of bot.paginate("conversations.replies", { channel, ts: root, limit: 3 })) {
    assert.equal(page.messages[0].ts, root);
    seen.push(...page.messages.slice(1).map((message) => message.ts));
  }
  assert.deepEqual(seen, sent);
  assert.deepEqual((await replies(bot, channel, sent[1])).map((message) => message.ts), [sent[1]]);
  await refused("thread_not_found", replies(bot, channel, "1234567890.000100"));
});

test("who may read what", async () => {
  const channel = await room(bot);
  const ts = await post(bot, channel);
  assert.equal((await history(ada, channel))[0].ts, ts);
  await refused("not_in_channel", otherBot.conversations.history({ channel }));
  await refused("channel_not_found", bot.conversations.history({ channel: "C01LEADS" }));
});
