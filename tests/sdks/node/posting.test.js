// `chat.postMessage`, `postEphemeral`, `meMessage`, `getPermalink`: the answer, and what readers find afterwards.

import assert from "node:assert/strict";
import test from "node:test";

import { ada, bot, client, find, history, otherBot, post, reasons, refused, replies, room } from "./world.js";

const section = { type: "section", block_id: "b1", text: { type: "mrkdwn", text: "*Build 7*" } };

test("a text", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const { message, ...answer } = await bot.chat.postMessage({ channel, text: "hello" });
  assert.deepEqual([answer.channel, answer.ts], [channel, message.ts]);
  const { blocks, bot_profile: profile, ...rest } = message;
  assert.deepEqual(rest, {
    type: "message", user: "U01DEPLOY", bot_id: "B01DEPLOY", app_id: "A01DEPLOY", team: "T01ACME", ts: answer.ts,
    text: "hello",
  });
  assert.equal(profile.name, "deploybot");
  assert.deepEqual(blocks[0].elements, [{ type: "rich_text_section", elements: [{ type: "text", text: "hello" }] }]);
  for (const reader of [bot, ada]) {
    const { blocks: shown, ...found } = await find(reader, channel, answer.ts);
    assert.deepEqual(found, { ...rest, bot_profile: profile });
    assert.deepEqual(shown[0].elements, blocks[0].elements);
  }
});

test("blocks, attachments and metadata", async () => {
  const channel = await room(bot);
  const metadata = { event_type: "build_done", event_payload: { build: 7, tags: ["a"] } };
  const answer = await bot.chat.postMessage({
    channel, text: "Build 7", blocks: [section, { type: "divider" }], metadata,
    attachments: [{ text: "first" }, { text: "second", fallback: "2nd" }],
  });
  const message = await find(bot, channel, answer.ts);
  for (const shown of [answer.message, message]) {
    assert.equal(shown.text, "Build 7");
    assert.deepEqual(shown.blocks.map((block) => block.type), ["section", "divider"]);
    assert.equal(shown.blocks[0].block_id, "b1");
    assert.ok(shown.blocks[1].block_id);
    assert.deepEqual(shown.attachments.map((it) => [it.id, it.text]), [[1, "first"], [2, "second"]]);
    assert.deepEqual(shown.metadata, metadata);
  }
  assert.deepEqual(message.blocks, answer.message.blocks);
  const [plain] = (await bot.conversations.history({ channel })).messages;
  assert.deepEqual(plain.metadata, { event_type: "build_done" });
});

test("markdown_text is stored as mrkdwn", async () => {
  const channel = await room(bot);
  const { ts } = await bot.chat.postMessage({ channel, markdown_text: "**bold** and [docs](https://x.example/a)" });
  assert.equal((await find(bot, channel, ts)).text, "*bold* and <https://x.example/a|docs>");
  await refused("markdown_text_conflict", bot.chat.postMessage({ channel, markdown_text: "a", text: "b" }));
});

for (const [options, stored] of [
  [{}, "see <https://x.example> in #general"],
  [{ link_names: true }, "see <https://x.example> in <#C01GENERAL>"],
  [{ parse: "none" }, "see https://x.example in #general"],
  [{ parse: "none", link_names: false }, "see https://x.example in #general"],
  [{ parse: "full" }, "see <https://x.example> in <#C01GENERAL>"],
]) {
  test(`parse and link_names: ${JSON.stringify(options)}`, async () => {
    const channel = await room(bot);
    const ts = await post(bot, channel, "see https://x.example in #general", options);
    assert.equal((await find(bot, channel, ts)).text, stored);
  });
}

test("a thread and a reply shown in the channel", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const root = await post(bot, channel, "root");
  const first = await bot.chat.postMessage({ channel, text: "first", thread_ts: root });
  assert.deepEqual([first.message.thread_ts, first.message.parent_user_id], [root, "U01DEPLOY"]);
  const second = await post(ada, channel, "second", { thread_ts: root, reply_broadcast: true });
  const [parent, ...rest] = await replies(bot, channel, root);
  assert.deepEqual(rest.map((message) => message.text), ["first", "second"]);
  assert.deepEqual([parent.reply_count, parent.reply_users_count, parent.latest_reply], [2, 2, second]);
  const line = await history(bot, channel);
  assert.deepEqual([line[0].subtype, line[0].root.ts, line[1].ts], ["thread_broadcast", root, root]);
  const lost = await bot.chat.postMessage({ channel, text: "lost", thread_ts: "1234567890.000100" });
  assert.equal(lost.message.thread_ts, undefined);
  assert.match(reasons(lost), /thread_ts/);
});

test("a name and a picture of one's own", async () => {
  const channel = await room(bot);
  const ts = await post(bot, channel, "hi", { username: "Release train", icon_emoji: ":train:" });
  const message = await find(bot, channel, ts);
  assert.deepEqual(
    [message.username, message.icons, message.subtype, message.bot_id, message.user],
    ["Release train", { emoji: ":train:" }, "bot_message", "B01DEPLOY", undefined],
  );
  const narrow = client("xoxb-narrow").chat.postMessage({ channel: "C01GENERAL", text: "x", username: "y" });
  assert.equal((await refused("missing_scope", narrow)).needed, "chat:write.customize");
});

test("names of channels and ids of people as targets", async () => {
  assert.equal((await bot.chat.postMessage({ channel: "#general", text: "x" })).channel, "C01GENERAL");
  const { channel } = await bot.chat.postMessage({ channel: "U01ADA", text: "between us" });
  assert.match(channel, /^D/);
  assert.equal((await history(ada, channel))[0].text, "between us");
});

test("posts that are refused", async () => {
  const hidden = await room(otherBot, [], { is_private: true });
  for (const [code, call] of [
    ["channel_not_found", { channel: "C0NOWHERE", text: "x" }],
    ["channel_not_found", { channel: hidden, text: "x" }],
    ["is_archived", { channel: "C01ATTIC", text: "x" }],
    ["no_text", { channel: "C01GENERAL", text: "" }],
    ["invalid_blocks", { channel: "C01GENERAL", text: "x", blocks: [section, section] }],
    ["too_many_attachments", { channel: "C01GENERAL", text: "x", attachments: Array(101).fill({ text: "a" }) }],
    ["invalid_metadata_schema", { channel: "C01GENERAL", text: "x", metadata: { event_type: "a" } }],
    ["invalid_arguments", { channel: "C01GENERAL", text: "x", as_user: false }],
  ]) {
    await refused(code, bot.chat.postMessage(call));
  }
  const cut = await bot.chat.postMessage({ channel: "C01GENERAL", text: "a".repeat(40_001) });
  assert.deepEqual(cut.response_metadata.warnings, ["message_truncated"]);
  assert.equal(cut.message.text.length, 40_000);
});

test("an ephemeral message leaves no trace", async () => {
  const channel = await room(bot, ["U01ADA"]);
  const { message_ts: ts } = await bot.chat.postEphemeral({ channel, user: "U01ADA", text: "psst" });
  assert.match(ts, /^\d{10}\.\d{6}$/);
  for (const reader of [bot, ada]) {
    assert.equal(await find(reader, channel, ts), undefined);
  }
  const answer = await refused("cant_update_message", bot.chat.update({ channel, ts, text: "x" }));
  assert.match(reasons(answer), /response_url/);
  await refused("message_not_found", bot.chat.delete({ channel, ts }));
  await refused("user_not_in_channel", bot.chat.postEphemeral({ channel, user: "U01CLEO", text: "psst" }));
});

test("a me message", async () => {
  const channel = await room(bot);
  const { ts } = await bot.chat.meMessage({ channel, text: "is deploying" });
  const message = await find(bot, channel, ts);
  assert.deepEqual([message.subtype, message.text], ["me_message", "is deploying"]);
  await bot.chat.update({ channel, ts, text: "has deployed" });
  assert.equal((await find(bot, channel, ts)).text, "has deployed");
  await bot.chat.delete({ channel, ts });
  assert.equal(await find(bot, channel, ts), undefined);
});

test("permalinks", async () => {
  const channel = await room(bot);
  const root = await post(bot, channel);
  const reply = await post(bot, channel, "reply", { thread_ts: root });
  const head = `${(await bot.auth.test()).url}archives/${channel}/p`;
  const link = async (message_ts) => (await bot.chat.getPermalink({ channel, message_ts })).permalink;
  assert.equal(await link(root), head + root.replace(".", ""));
  assert.equal(await link(reply), `${head}${reply.replace(".", "")}?thread_ts=${root}&cid=${channel}`);
  await refused("message_not_found", link("1234567890.000100"));
});
