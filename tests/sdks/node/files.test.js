// Files by the SDK's own upload, in one call: announced, sent as multipart, completed and shared.

import assert from "node:assert/strict";
import test from "node:test";

import { bot, find, post, refused, room } from "./world.js";

/** The file, and the message that shares it. */
async function uploaded(channel, options) {
  const answer = await bot.filesUploadV2({ channel_id: channel, ...options });
  const [file] = answer.files[0].files;
  const info = (await bot.files.info({ file: file.id })).file;
  return { file, message: await find(bot, channel, info.shares.public[channel][0].ts) };
}

test("a file is uploaded in one call", async () => {
  const channel = await room(bot);
  const options = { file: Buffer.from("a,b\n1,2\n"), filename: "table.csv", title: "A table", initial_comment: "see *this*" };
  const { file, message } = await uploaded(channel, options);
  assert.deepEqual([message.subtype, message.text, message.user], ["file_share", "see *this*", "U01DEPLOY"]);
  const [shown] = message.files;
  assert.deepEqual([shown.id, shown.title, shown.size, shown.filetype], [file.id, "A table", 8, "csv"]);
  const got = await fetch(shown.url_private, { headers: { Authorization: `Bearer ${bot.token}` } });
  assert.equal(await got.text(), "a,b\n1,2\n");
});

test("an update takes a file away, and a deleted one leaves a tombstone", async () => {
  const channel = await room(bot);
  const { file, message } = await uploaded(channel, { file: Buffer.from("x"), filename: "x.txt" });
  const ts = await post(bot, channel, "without");
  const { message: updated } = await bot.chat.update({ channel, ts, text: "with", file_ids: [file.id] });
  assert.deepEqual(updated.files.map((it) => it.id), [file.id]);
  await bot.chat.update({ channel, ts: message.ts, text: "taken away", file_ids: [] });
  assert.equal((await find(bot, channel, message.ts)).files, undefined);
  await bot.files.delete({ file: file.id });
  assert.deepEqual((await find(bot, channel, ts)).files, [{ id: file.id, mode: "tombstone" }]);
  await refused("file_deleted", () => bot.files.info({ file: file.id }));
});
