// The platforms of the bots beside it, and the way in for both.

import { createServer } from "node:http";
import { createSlackAdapter } from "@chat-adapter/slack";
import { createMemoryState } from "@chat-adapter/state-memory";
import { createTeamsAdapter } from "@chat-adapter/teams";
import { Chat } from "chat";

export const bot = new Chat({
  userName: process.env.BOT_NAME,
  adapters: { slack: createSlackAdapter(), teams: createTeamsAdapter({ appType: "SingleTenant" }) },
  state: createMemoryState(),
});

const server = createServer(async (request, response) => {
  const chunks = await request.toArray();
  const { method, headers } = request;
  const url = `http://${headers.host}${request.url}`;
  const handle = request.url === "/slack/events" ? bot.webhooks.slack : bot.webhooks.teams;
  const answer = await handle(new Request(url, { method, headers, body: Buffer.concat(chunks) }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
}).listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
