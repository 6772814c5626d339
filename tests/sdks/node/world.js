// The server under test: its address, clients for its declared world, and what every test needs.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ErrorCode, WebClient } from "@slack/web-api";

export const url = (process.env.REDRAFT_TEST_URL ?? "").replace(/\/$/, "");
assert.ok(url, "REDRAFT_TEST_URL names no server; run these tests with `cargo test --test sdks`");

const nothing = () => {};

/** Where the client logs to: nowhere, but for the warnings, which go to `warn`. */
export const logger = (warn = nothing) => ({
  debug: nothing, info: nothing, warn, error: nothing, setLevel: nothing, getLevel: () => "warn", setName: nothing,
});

export function client(token, options = {}) {
  const retryConfig = { retries: 0 };
  return new WebClient(token, { slackApiUrl: `${url}/api/`, retryConfig, logger: logger(), ...options });
}

export const bot = client("xoxb-deploy");
export const otherBot = client("xoxb-poll");
export const ada = client("xoxp-ada");
export const ben = client("xoxp-ben");
export const cleo = client("xoxp-cleo");

/** A name that no other test has. */
export const fresh = (prefix) => `${prefix}-${randomUUID().slice(0, 13).replaceAll("-", "")}`;

/** The call is refused with this code; gives the answer. */
export async function refused(code, call) {
  let answer;
  await assert.rejects(call, (error) => {
    assert.equal(error.code, ErrorCode.PlatformError, String(error));
    answer = error.data;
    return true;
  });
  assert.deepEqual([answer.ok, answer.error], [false, code], JSON.stringify(answer));
  return answer;
}

/** What a refusal says to people. */
export const reasons = (answer) => (answer.response_metadata?.messages ?? []).join(" ");

/** A new channel of the client with these users in it; gives its id. */
export async function room(owner, users = [], options = {}) {
  const { channel } = await owner.conversations.create({ name: fresh("room"), ...options });
  if (users.length > 0) {
    await owner.conversations.invite({ channel: channel.id, users: users.join(",") });
  }
  return channel.id;
}

/** Posts and gives the ts. */
export const post = async (by, channel, text = "hello", options = {}) =>
  (await by.chat.postMessage({ channel, text, ...options })).ts;

/** The channel line, newest first, with all metadata; without what the platform itself writes. */
export const history = async (reader, channel, options = {}) =>
  (await reader.conversations.history({ channel, include_all_metadata: true, ...options })).messages
    .filter((message) => !message.subtype?.startsWith("channel_"));

/** A thread, its root first, with all metadata. */
export const replies = async (reader, channel, ts, options = {}) =>
  (await reader.conversations.replies({ channel, ts, include_all_metadata: true, ...options })).messages;

/** The one message with this ts. */
export const find = async (reader, channel, ts) =>
  (await history(reader, channel, { latest: ts, inclusive: true, limit: 1 })).find((message) => message.ts === ts);

/** All items of a paged method, with the SDK's own iterator, and how many pages there were. */
export async function gather(reader, method, options, member) {
  const items = [];
  let pages = 0;
  for await (const page of reader.paginate(method, options)) {
    assert.ok(pages < 1000, "the walk does not end");
    items.push(...page[member]);
    pages += 1;
  }
  return [items, pages];
}

const controlled = async (verb, path, body) => {
  const answer = await fetch(`${url}/control/workspaces/T01ACME/${path}`, {
    method: verb,
    headers: { authorization: "Bearer control-of-tests" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
};

/** A token made for one test. */
export const newToken = async (options = {}) =>
  (await controlled("POST", "tokens", { app: "deploybot", ...options })).token;
