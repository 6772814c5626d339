// What surrounds every method: encodings, tokens, scopes, warnings, unknown methods; and `api.test`, `auth.*`.

import assert from "node:assert/strict";
import test from "node:test";

import { bot, client, fresh, history, logger, newToken, post, reasons, refused, room, url } from "./world.js";

test("api.test echoes what it got", async () => {
  const answer = await client().api.test({ foo: "b ä & <r> + 1", nested: { a: [1, null] }, yes: true });
  assert.equal(answer.args.foo, "b ä & <r> + 1");
  assert.deepEqual(JSON.parse(answer.args.nested), { a: [1, null] });
  assert.equal(answer.args.yes, "true");
  assert.deepEqual((await client().api.test()).args, {});
  const failed = await refused("went_wrong", client().api.test({ error: "went_wrong" }));
  assert.equal(failed.args.error, "went_wrong");
});

test("auth.test says whom the token acts as", async () => {
  const { response_metadata: _, ...answer } = await bot.auth.test();
  assert.deepEqual(answer, {
    ok: true, url: answer.url, team: "Acme", user: "deploybot", team_id: "T01ACME", user_id: "U01DEPLOY",
    bot_id: "B01DEPLOY", is_enterprise_install: false,
  });
  assert.ok(answer.url.startsWith(url) && answer.url.endsWith("/"));
  const person = await client("xoxp-ada").auth.test();
  assert.deepEqual([person.user, person.user_id, person.bot_id], ["ada", "U01ADA", undefined]);
  const app = await client("xapp-deploy").auth.test();
  assert.deepEqual([app.app_id, app.app_name], ["A01DEPLOY", "deploybot"]);
});

test("a token of any form, and one beside the client's own", async () => {
  assert.equal((await client("fake-token").auth.test()).bot_id, "B01DEPLOY");
  assert.equal((await client().auth.test({ token: "xoxb-poll" })).bot_id, "B01POLL");
  // As the bot framework does at its start: the same token in the header and in the form.
  assert.equal((await bot.auth.test({ token: "xoxb-deploy" })).bot_id, "B01DEPLOY");
});

test("tokens that are not accepted", async () => {
  await refused("not_authed", client().auth.test());
  await refused("invalid_auth", client("xoxb-nobody").auth.test());
  await refused("not_allowed_token_type", client("xapp-deploy").users.list({}));
  await refused("token_expired", client(await newToken({ expires_in_seconds: 0 })).auth.test());
});

test("auth.revoke ends one token", async () => {
  const revoked = client(await newToken());
  assert.equal((await revoked.auth.revoke({ test: true })).revoked, false);
  assert.equal((await revoked.auth.test()).user, "deploybot");
  assert.equal((await revoked.auth.revoke()).revoked, true);
  await refused("token_revoked", revoked.auth.test());
  assert.equal((await bot.auth.test()).user, "deploybot");
});

test("scopes in the metadata that the client makes of headers", async () => {
  const { scopes, acceptedScopes } = (await bot.conversations.list({})).response_metadata;
  assert.ok(scopes.includes("chat:write") && scopes.includes("channels:read"));
  assert.ok(acceptedScopes.includes("channels:read"));
  assert.ok((await bot.auth.test()).response_metadata.scopes.includes("chat:write"));
  assert.equal((await bot.auth.test()).response_metadata.acceptedScopes, undefined);
  const narrow = client("xoxb-narrow");
  const missing = await refused("missing_scope", narrow.users.list({}));
  assert.deepEqual([missing.needed, missing.provided], ["users:read", "chat:write"]);
  assert.deepEqual(missing.response_metadata.scopes, ["chat:write"]);
  assert.deepEqual(missing.response_metadata.acceptedScopes, ["users:read"]);
});

test("methods that do not exist", async () => {
  const answer = await refused("unknown_method", bot.apiCall("chat.unsend", { channel: "C01GENERAL" }));
  assert.equal(answer.req_method, "chat.unsend");
});

test("nested values travel as JSON in a form", async () => {
  const channel = await room(bot);
  const blocks = [{ type: "section", block_id: "b1", text: { type: "mrkdwn", text: "1 + 1 = 200 % é" } }];
  const metadata = { event_type: "form", event_payload: { list: [1, { deep: "ü&=+%" }], no: false } };
  const attachments = [{ text: "x=1+y", color: "#336699" }];
  const answer = await bot.apiCall("chat.postMessage", { channel, text: "x & y", blocks, metadata, attachments });
  const [message] = await history(bot, channel);
  for (const shown of [answer.message, message]) {
    assert.equal(shown.text, "x &amp; y");
    assert.equal(shown.blocks[0].text.text, "1 + 1 = 200 % é");
    assert.deepEqual(shown.metadata, metadata);
    assert.deepEqual([shown.attachments[0].text, shown.attachments[0].color], ["x=1+y", "336699"]);
  }
});

test("the client's own calls give no cause for warnings", async () => {
  const said = [];
  const listening = client("xoxb-deploy", { logger: logger((text) => said.push(text)) });
  const channel = await room(listening);
  await post(listening, channel);
  assert.deepEqual(said, []);
  // A warning of the server ends up in the log.
  await listening.conversations.join({ channel });
  assert.ok(said.some((text) => text.includes("already_in_channel")), said.join());
});

test("arguments that are missing are named", async () => {
  const answer = await refused("invalid_arguments", bot.apiCall("chat.update", { channel: "C01GENERAL", text: "x" }));
  assert.deepEqual(answer.response_metadata.messages, ["[ERROR] missing required field: ts"]);
});

test("a post that is sent twice is stored once", async () => {
  const channel = await room(bot);
  const client_msg_id = fresh("key");
  const ts = await post(bot, channel, "once", { client_msg_id });
  assert.equal(await post(bot, channel, "once", { client_msg_id }), ts);
  assert.equal((await history(bot, channel)).length, 1);
  const answer = await refused("duplicate_message_not_found", post(bot, channel, "another", { client_msg_id }));
  assert.match(reasons(answer), /idempotency key/);
});
