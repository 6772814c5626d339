// Redraft for tests: a server of one's own, and what people do in it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export async function start(seed) {
  // However the tests end, their end of the first pipe is closed, and the server ends as well.
  const options = ["serve", "--memory", "--listen", "127.0.0.1:0", "--seed", seed, "--stop-with-stdin"];
  const server = spawn(process.env.REDRAFT ?? "redraft", options, { stdio: ["pipe", "pipe", "ignore"] });
  // The first line is "Redraft answers at http://127.0.0.1:… (nothing is kept)."
  const [line] = await once(createInterface(server.stdout), "line");
  const url = line.split(" ")[3];

  const call = async (verb, path, body) => {
    const headers = { authorization: "Bearer control" };
    const answer = await fetch(`${url}/control${path}`, { method: verb, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  const { workspaces } = await call("GET", "/workspaces");
  const workspace = `/workspaces/${workspaces[0].id}`;

  return {
    url,
    act: (person, what, body) => call("POST", `${workspace}/people/${person}/${what}`, body),
    /** The first message that is like this, as soon as there is one. */
    wait: async (message) => (await call("POST", `${workspace}/wait`, { timeout_ms: 30_000, ...message })).message,
    advance: (seconds) => call("POST", `${workspace}/clock`, { advance_ms: seconds * 1000 }),
    stop: async () => {
      server.kill();
      await once(server, "exit");
    },
  };
}
