// `users.*`, `bots.info`, `team.info`.

import assert from "node:assert/strict";
import test from "node:test";

import { ada, bot, client, gather, newToken, refused } from "./world.js";

test("users.list in one go and by pages", async () => {
  const whole = await bot.users.list({});
  const everyone = whole.members.map((user) => user.id);
  for (const id of ["U01ADA", "U01BEN", "U01CLEO", "U01DEPLOY", "U01POLL"]) {
    assert.ok(everyone.includes(id), id);
  }
  const [users, pages] = await gather(bot, "users.list", { limit: 2 }, "members");
  assert.deepEqual(users.map((user) => user.id), everyone);
  assert.equal(pages, Math.ceil(everyone.length / 2));
});

test("users.info and users.lookupByEmail", async () => {
  const { user } = await bot.users.info({ user: "U01ADA", include_locale: true });
  assert.deepEqual(
    [user.name, user.real_name, user.is_admin, user.is_bot, user.locale, user.profile.email],
    ["ada", "Ada Lovelace", true, false, "en-US", "ada@acme.example"],
  );
  const robot = (await bot.users.info({ user: "U01DEPLOY" })).user;
  assert.deepEqual([robot.is_bot, robot.profile.bot_id], [true, "B01DEPLOY"]);
  await refused("user_not_found", bot.users.info({ user: "U0NOBODY" }));
  assert.equal((await bot.users.lookupByEmail({ email: "cleo@acme.example" })).user.id, "U01CLEO");
  await refused("users_not_found", bot.users.lookupByEmail({ email: "nobody@acme.example" }));
  const short = client(await newToken({ scopes: ["users:read"] }));
  assert.equal((await short.users.info({ user: "U01ADA" })).user.profile.email, undefined);
  await refused("missing_scope", short.users.lookupByEmail({ email: "ada@acme.example" }));
});

test("users.conversations", async () => {
  const [mine] = await gather(bot, "users.conversations", { limit: 1 }, "channels");
  const ids = mine.map((channel) => channel.id);
  assert.ok(ids.includes("C01GENERAL") && ids.includes("C01RANDOM"));
  const types = "public_channel,private_channel";
  const [hers] = await gather(ada, "users.conversations", { types }, "channels");
  assert.ok(hers.some((channel) => channel.id === "C01LEADS"));
  const [seen] = await gather(bot, "users.conversations", { user: "U01ADA", types }, "channels");
  assert.ok(!seen.some((channel) => channel.id === "C01LEADS"));
});

test("bots.info and team.info", async () => {
  const found = (await bot.bots.info({ bot: "B01POLL" })).bot;
  assert.deepEqual([found.name, found.app_id, found.user_id], ["pollbot", "A01POLL", "U01POLL"]);
  await refused("bot_not_found", bot.bots.info({ bot: "B0NOBODY" }));
  await refused("missing_argument", bot.bots.info({}));
  const { team } = await bot.team.info();
  assert.deepEqual([team.id, team.name, team.domain], ["T01ACME", "Acme", "acme"]);
  await refused("team_not_found", bot.team.info({ team: "T0OTHER" }));
});
