"""Holds the server to its own description of the Connector API.

Schemathesis makes calls that the description allows and calls that it does not, and compares every answer with it. Ids that
it makes up are mostly replaced by some of this server, since otherwise every answer were a 404. At the end every operation
must have had each of the answers in SEEN.
"""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import requests
import schemathesis

URL = os.environ["REDRAFT_TEST_URL"]
TENANT = "11111111-1111-4111-8111-111111111111"
HELPDESK = ("33333333-0000-4000-8000-000000000001", "helpdesk-password")
PLANNER = ("33333333-0000-4000-8000-000000000002", "planner-password")
GENERAL = "19:general@thread.tacv2"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
SEED = 1
EXAMPLES = 20

# Answers that each operation has to show, with the codes of errors; one that never succeeds is not tested.
NO_CONVERSATION = "404 ConversationNotFound"
SEEN = {
    "token": "200, 400 invalid_request, 401 invalid_client",
    "tokenVersion1": "200, 400 invalid_request, 401 invalid_client",
    "identityToken": "200, 400, 401",
    "createConversation": f"201, 400 BadSyntax, {NO_CONVERSATION}",
    "getConversations": "200, 400 BadArgument",
    "sendToConversation": f"201, 202, 400 BadSyntax, {NO_CONVERSATION}",
    "sendConversationHistory": f"201, 400 BadSyntax, {NO_CONVERSATION}",
    "replyToActivity": f"201, 202, 400 BadArgument, {NO_CONVERSATION}",
    "updateActivity": f"200, 400 BadSyntax, 403 NotEnoughPermissions, {NO_CONVERSATION}, "
    "404 ActivityNotFoundInConversation, 412 PreconditionFailed",
    "deleteActivity": f"200, 403 NotEnoughPermissions, {NO_CONVERSATION}, "
    "404 ActivityNotFoundInConversation, 412 PreconditionFailed",
    "getActivityMembers": f"200, {NO_CONVERSATION}",
    "addReaction": f"200, {NO_CONVERSATION}, 404 ActivityNotFoundInConversation",
    "removeReaction": f"200, {NO_CONVERSATION}, 404 ActivityNotFoundInConversation",
    "getConversationMembers": f"200, {NO_CONVERSATION}",
    "getConversationPagedMembers": f"200, 400 BadArgument, {NO_CONVERSATION}",
    "getConversationMember": f"200, {NO_CONVERSATION}, 404 MemberNotFoundInConversation",
    "deleteConversationMember": "405 BadArgument",
    "uploadAttachment": f"201, 400 BadSyntax, {NO_CONVERSATION}",
    "getAttachmentInfo": "200, 404 BadArgument",
    "getAttachment": "200, 404 BadArgument",
    "getTeam": f"200, {NO_CONVERSATION}",
    "getTeamConversations": f"200, {NO_CONVERSATION}",
}


def token(bot):
    form = {
        "grant_type": "client_credentials",
        "client_id": bot[0],
        "client_secret": bot[1],
        "scope": "https://api.botframework.com/.default",
    }
    answer = requests.post(f"{URL}/{TENANT}/oauth2/v2.0/token", form)
    answer.raise_for_status()
    return answer.json()["access_token"]


def post(path, body, bearer):
    answer = requests.post(f"{URL}/v3/{path}", json=body, headers={"Authorization": f"Bearer {bearer}"})
    answer.raise_for_status()
    return answer.json()["id"]


def send(bearer, conversation=GENERAL, path="activities"):
    return post(f"conversations/{conversation}/{path}", {"type": "message", "text": "hello"}, bearer)


def prepare():
    """Ids of this server, by the names of the parameters that they stand for."""
    own, other = token(HELPDESK), token(PLANNER)
    person = post("conversations", {"members": [{"id": "29:1ada"}]}, own)
    root = send(own)
    picture = {"type": "image/png", "name": "a.png", "originalBase64": "QUJD", "thumbnailBase64": "QQ=="}
    return {
        "bearer": own,
        "other": other,
        "conversationId": [GENERAL, f"{GENERAL};messageid={root}", person],
        "activityId": [root, send(own), send(own, path=f"activities/{root}"), send(other)],
        "memberId": ["29:1ada", "22222222-0000-4000-8000-000000000001"],
        "teamId": [GENERAL],
        "attachmentId": [post(f"conversations/{GENERAL}/attachments", picture, own)],
        "tenantId": [TENANT, "botframework.com"],
    }


def main():
    """Runs the tool on a server, then looks at what it has seen."""
    seen = Path(sys.argv[1])
    known = prepare()
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "check", "PYTHONPATH": str(Path(__file__).parent)}
    environment |= {"REDRAFT_KNOWN": json.dumps(known), "REDRAFT_SEEN": str(seen)}
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{URL}/teams/openapi.json"]
    command += ["--checks", ",".join(CHECKS), "--seed", str(SEED), "--max-examples", str(EXAMPLES)]
    command += ["--header", f"Authorization:Bearer {known['bearer']}", "--continue-on-failure", "--no-color"]
    run = subprocess.run(command, env=environment, cwd=seen.parent, check=False)
    answers = collections.defaultdict(set)
    for line in seen.read_text().splitlines():
        operation, answer = line.split(maxsplit=1)
        answers[operation].add(answer.strip())
    missing = {name: set(wanted.split(", ")) - answers[name] for name, wanted in SEEN.items()}
    missing = {name: sorted(wanted) for name, wanted in missing.items() if wanted}
    untold = sorted(answers.keys() - SEEN.keys())
    print(f"answers that were not seen: {missing}; operations without a row: {untold}")
    sys.exit(run.returncode or int(bool(missing or untold)))


if "REDRAFT_KNOWN" in os.environ:
    KNOWN = json.loads(os.environ["REDRAFT_KNOWN"])
    calls = collections.Counter()

    def stands_for(name, value, number):
        """A known id in place of one that was made up, and of every eighth one that is nobody's."""
        known = KNOWN.get(name, [])
        if not known or value in known or (name == "activityId" and len(str(value)) == 16):
            return value
        # Never two of one call, so that each is what its refusal is about.
        return known[number % len(known)] if (number + len(name)) % 8 else "nobody"

    @schemathesis.hook
    def before_call(context, case, kwargs):
        """Makes a call that was made up one of this server's, each time in another way."""
        operation = case.operation.definition.raw.get("operationId")
        number = calls[operation] = calls[operation] + 1
        path, body = case.path_parameters, case.body
        for name in path or {}:
            path[name] = stands_for(name, path[name], number)
        if number % 8:
            # Keys that were made up are all the same, and a key is good for one call.
            case.headers["Idempotency-Key"] = f"{operation}-{number}"
        if operation in ("updateActivity", "deleteActivity") and number % 2:
            author = "other" if number % 8 == 1 else "bearer"
            path |= {"conversationId": GENERAL, "activityId": send(KNOWN[author])}
            case.query, revision = {}, '"77"' if number % 8 == 3 else '"1"'
            case.headers["If-Match"] = revision
        message = {"type": "message", "text": str(body)}
        targeted = {**message, "recipient": {"id": "29:1ada", "isTargeted": True}}
        if operation in ("updateActivity", "sendToConversation", "replyToActivity") and isinstance(body, dict):
            case.body = {1: message, 3: targeted, 5: {"type": "typing"}}.get(number % 8, body)
            case.query = {"isTargetedActivity": "true"} if number % 8 == 3 else case.query if number % 4 == 0 else {}
        if operation == "sendConversationHistory" and number % 8 == 1 and isinstance(body, dict):
            case.body = {"activities": [message]}
        if operation == "createConversation" and isinstance(body, dict) and number % 2:
            person = "29:1ben" if number % 4 == 1 else "nobody"
            case.body = {"members": [{"id": person}], "tenantId": TENANT, "topicName": str(body)}
        if operation in ("token", "tokenVersion1") and isinstance(body, dict) and number % 4:
            secret = HELPDESK[1] if number % 2 else "another"
            scope = "https://api.botframework.com/.default"
            case.body = {**body, "client_id": HELPDESK[0], "client_secret": secret, "scope": scope}
        if operation == "identityToken" and case.query and number % 4:
            case.query["client_id"] = HELPDESK[0]
            case.headers["X-IDENTITY-HEADER"] = HELPDESK[1] if number % 2 else "another"

    @schemathesis.hook
    def after_call(context, case, response):
        """Notes what was seen."""
        try:
            error = json.loads(response.content).get("error", "")
        except (ValueError, AttributeError):
            error = ""
        code = error.get("code", "") if isinstance(error, dict) else error
        with open(os.environ["REDRAFT_SEEN"], "a") as seen:
            print(case.operation.definition.raw.get("operationId"), response.status_code, code, file=seen)


elif __name__ == "__main__":
    main()
