"""Redraft for tests: a server of one's own, and what people do in it."""

import json
import os
import subprocess
import urllib.request


class Redraft:
    def __init__(self, seed):
        command = [os.environ.get("REDRAFT", "redraft"), "serve", "--memory", "--listen", "127.0.0.1:0", "--seed", seed]
        # However the tests end, their end of this pipe is closed, and the server ends as well.
        command.append("--stop-with-stdin")
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, text=True)
        # The first line is "Redraft answers at http://127.0.0.1:… (nothing is kept)."
        self.url = self.process.stdout.readline().split()[3]
        self.workspace = self.call("GET", "/workspaces")["workspaces"][0]["id"]

    def call(self, verb, path, **body):
        request = urllib.request.Request(f"{self.url}/control{path}", method=verb)
        request.add_header("Authorization", "Bearer control")
        with urllib.request.urlopen(request, json.dumps(body).encode() if body else None) as answer:
            return json.load(answer)

    def act(self, person, what, **body):
        return self.call("POST", f"/workspaces/{self.workspace}/people/{person}/{what}", **body)

    def wait(self, **message):
        """The first message that is like this, as soon as there is one."""
        return self.call("POST", f"/workspaces/{self.workspace}/wait", timeout_ms=30000, **message)["message"]

    def advance(self, seconds):
        self.call("POST", f"/workspaces/{self.workspace}/clock", advance_ms=seconds * 1000)

    def stop(self):
        self.process.terminate()
        self.process.communicate()
