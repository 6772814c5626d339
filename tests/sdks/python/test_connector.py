"""Recorded calls of the Connector API, sent byte for byte as the official SDKs send them.

Each SDK has its own spelling of ids in addresses and of members in bodies, and its own place to say what a reply
answers. All of them are here; no SDK is.
"""

import base64
import contextlib
import http.client
import json
import urllib.parse

import pytest

from world import TENANT, URL, control, fresh

HELPDESK = ("33333333-0000-4000-8000-000000000001", "helpdesk-password")
PLANNER = ("33333333-0000-4000-8000-000000000002", "planner-password")
GENERAL = "19:general@thread.tacv2"
LEADS = "19:leads@thread.tacv2"
SCOPE = "https://api.botframework.com/.default"
RESOURCE = "https://api.botframework.com"
CARD = "application/vnd.microsoft.card.adaptive"


def request(verb, path, body=None, headers=()):
    """One call; gives status, headers and body. The path goes out as it stands."""
    address = urllib.parse.urlsplit(URL)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(verb, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def ask_token(tenant, version, headers=(), **form):
    """A call of the token endpoint."""
    path = f"/{tenant}/oauth2/v2.0/token" if version == 2 else f"/{tenant}/oauth2/token"
    body = urllib.parse.urlencode({"grant_type": "client_credentials", **form})
    headers = {"Content-Type": "application/x-www-form-urlencoded", **dict(headers)}
    status, _, answer = request("POST", path, body, headers)
    return status, json.loads(answer)


def token(bot=HELPDESK):
    """A token of a bot."""
    status, answer = ask_token("botframework.com", 2, client_id=bot[0], client_secret=bot[1], scope=SCOPE)
    assert status == 200, answer
    return answer["access_token"]


def raw(part):
    """As the Agents SDKs put an id into an address."""
    return part


def escaped(part):
    """As botbuilder for Python does: everything, even the colon."""
    return urllib.parse.quote(part, safe="")


def component(part):
    """As botbuilder for JavaScript does."""
    return urllib.parse.quote(part, safe="!~*'()")


class Bot:
    """A bot that calls back to the service URL it was given."""

    def __init__(self, bot=HELPDESK, spell=escaped, base=f"/teams/{TENANT}"):
        self.token, self.spell, self.base = token(bot), spell, base

    def call(self, verb, path, body=None, **headers):
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json; charset=utf-8", **headers}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        status, answered, answer = request(verb, f"{self.base}/v3/{path}", data, given)
        assert answered["content-type"].startswith("application/json")
        return status, json.loads(answer)

    def path(self, conversation, *rest):
        return "/".join(["conversations", self.spell(conversation), *rest])

    def send(self, conversation, activity, reply_to=None):
        rest = ["activities"] if reply_to is None else ["activities", self.spell(reply_to)]
        return self.call("POST", self.path(conversation, *rest), activity)

    def sent(self, conversation, activity, reply_to=None):
        """Sends and gives the id."""
        status, answer = self.send(conversation, activity, reply_to)
        assert status == 201 and set(answer) == {"id"}, answer
        return answer["id"]

    def update(self, conversation, id, activity):
        return self.call("PUT", self.path(conversation, "activities", self.spell(id)), activity)

    def updated(self, conversation, id, activity):
        assert self.update(conversation, id, activity) == (200, {"id": id})

    def delete(self, conversation, id):
        return self.call("DELETE", self.path(conversation, "activities", self.spell(id)))

    def deleted(self, conversation, id):
        assert self.delete(conversation, id) == (200, {})

    def create(self, **parameters):
        return self.call("POST", "conversations", parameters)


def text(said, **members):
    return {"type": "message", "text": said, **members}


def card(said):
    body = [{"type": "TextBlock", "text": said}]
    return {"contentType": CARD, "content": {"type": "AdaptiveCard", "version": "1.5", "body": body}}


def line(conversation):
    """The conversation's root messages, newest first, as the control API shows them."""
    return control("GET", f"channels/{urllib.parse.quote(conversation, safe='')}/messages")["messages"]


def stored(conversation, id):
    """The root message with this id, or None."""
    return next((message for message in line(conversation) if message["activity_id"] == id), None)


def thread(root):
    """A thread of the general channel as a Slack client reads it, its root first."""
    ts = f"{root[:-6]}.{root[-6:]}"
    query = urllib.parse.urlencode({"channel": "C01GENERAL", "ts": ts})
    _, _, answer = request("GET", f"/api/conversations.replies?{query}", headers={"Authorization": "Bearer xoxp-ada"})
    answer = json.loads(answer)
    return answer["messages"] if answer["ok"] else answer["error"]


def personal(bot, member="29:1ben"):
    """The conversation with a person."""
    status, answer = bot.create(isGroup=False, members=[{"id": member}], tenantId=TENANT)
    assert status in (200, 201), answer
    return answer["id"]


def own_channel(*members):
    """A new channel with these people and the helpdesk bot in it; gives its two ids and the bot's name in addresses."""
    helpdesk = next(app for app in control("GET", "apps")["apps"] if app.get("app_id") == HELPDESK[0])
    made = control("POST", "channels", {"name": fresh("channel"), "members": list(members)})
    member = urllib.parse.quote(helpdesk["bot_user_id"])
    control("PUT", f"channels/{made['id']}/members/{member}")
    return made["id"], made["conversation_id"], member


def error(answer, status, code):
    """The refusal's sentence."""
    assert (answer[0], answer[1]["error"]["code"]) == (status, code), answer
    assert answer[1]["error"]["message"]
    return answer[1]["error"]["message"]


# --- the token endpoint ---


@pytest.mark.parametrize("tenant", [TENANT, "botframework.com"])
@pytest.mark.parametrize(
    ("version", "target"),
    [(2, {"scope": SCOPE}), (1, {"resource": RESOURCE}), (1, {"resource": f"{RESOURCE}/"})],
)
def test_token_endpoint_in_both_forms(tenant, version, target):
    status, answer = ask_token(tenant, version, client_id=HELPDESK[0], client_secret=HELPDESK[1], **target)
    assert status == 200
    secret = answer.pop("access_token")
    assert answer == {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
    head, claims, _ = [part + "=" * (-len(part) % 4) for part in secret.split(".")]
    head, claims = (json.loads(base64.urlsafe_b64decode(part)) for part in (head, claims))
    assert head["alg"] == "RS256" and head["kid"]
    assert claims["aud"] == RESOURCE and claims["iss"] == f"https://sts.windows.net/{TENANT}/"
    assert (claims["appid"], claims["tid"]) == (HELPDESK[0], TENANT)
    assert claims["exp"] - claims["iat"] == 3599


def test_token_endpoint_takes_the_credentials_in_the_header():
    basic = base64.b64encode(":".join(PLANNER).encode()).decode()
    status, answer = ask_token(TENANT, 2, {"Authorization": f"Basic {basic}"}, scope=SCOPE)
    assert status == 200 and answer["access_token"]


@pytest.mark.parametrize(
    ("status", "code", "form"),
    [
        (401, "invalid_client", {"client_secret": "wrong"}),
        (400, "unauthorized_client", {"client_id": "33333333-0000-4000-8000-00000000dead"}),
        (400, "invalid_scope", {"scope": "https://graph.microsoft.com/.default"}),
        (400, "unsupported_grant_type", {"grant_type": "password"}),
    ],
)
def test_token_endpoint_refuses(status, code, form):
    given = {"client_id": HELPDESK[0], "client_secret": HELPDESK[1], "scope": SCOPE, **form}
    answered, answer = ask_token(TENANT, 2, **given)
    assert (answered, answer["error"]) == (status, code)
    assert answer["error_description"].startswith("AADSTS")


@pytest.mark.parametrize("header", [None, "Bearer null", "Bearer", "Bearer a.b.c", "Basic eDp5", "xoxb-deploy"])
def test_calls_without_a_good_token(header):
    headers = {"Authorization": header} if header else {}
    headers["Content-Type"] = "application/json"
    path = f"/teams/{TENANT}/v3/conversations/{escaped(GENERAL)}/activities"
    status, answered, answer = request("POST", path, json.dumps(text("x")), headers)
    assert status == 401 and "bearer" in answered["www-authenticate"].lower()
    assert json.loads(answer)["error"]["message"]


# --- send, update, delete ---


def test_the_typical_exchange():
    bot = Bot()
    chat = personal(bot)
    id = bot.sent(chat, text("Deploying 3 of 7", replyToId="1700000000100"), reply_to="1700000000100")
    assert stored(chat, id)["text"] == "Deploying 3 of 7"
    bot.updated(chat, id, {"type": "message", "id": id, "attachments": [card("Deployed")]})
    now = stored(chat, id)
    assert (now["text"], now["revision"]) == ("Deployed", 2)
    assert now["activity"]["attachments"][0]["content"]["body"][0]["text"] == "Deployed"
    bot.deleted(chat, id)
    assert stored(chat, id) is None
    error(bot.delete(chat, id), 404, "ActivityNotFoundInConversation")
    error(bot.update(chat, id, text("too late")), 404, "ActivityNotFoundInConversation")


@pytest.mark.parametrize("spell", [raw, escaped, component])
@pytest.mark.parametrize("base", ["", f"/teams/{TENANT}", f"/teams/{TENANT}/", f"/amer/{TENANT}"])
def test_ids_in_every_spelling_and_below_every_prefix(spell, base):
    bot = Bot(spell=spell, base=base)
    root = bot.sent(GENERAL, text("root"))
    narrowed = f"{GENERAL};messageid={root}"
    first = bot.sent(narrowed, text("first"))
    second = bot.sent(GENERAL, text("second"), reply_to=root)
    assert [message["text"] for message in thread(root)] == ["root", "first", "second"]
    # The narrowed form and the bare one name the same message.
    bot.updated(GENERAL, first, text("first, again"))
    bot.updated(narrowed, second, text("second, again"))
    bot.updated(f"{GENERAL};messageid={first}", root, text("root, again"))
    assert [message["text"] for message in thread(root)] == ["root, again", "first, again", "second, again"]
    bot.deleted(narrowed, first)
    bot.deleted(GENERAL, second)
    bot.deleted(narrowed, root)
    assert thread(root) == "thread_not_found"


def test_fixed_segments_in_any_case():
    bot = Bot()
    status, answer = bot.call("POST", f"Conversations/{escaped(GENERAL)}/Activities", text("shouted"))
    assert status == 201
    assert bot.call("GET", f"conversations/{escaped(GENERAL)}/pagedMembers")[0] == 200
    assert bot.call("GET", f"conversations/{escaped(GENERAL)}/pagedmembers")[0] == 200
    bot.deleted(GENERAL, answer["id"])


def test_a_conversation_reference_of_botbuilder_for_python():
    """`tenantID`, `from`, `recipient`, `serviceUrl` and more come along and decide nothing."""
    bot = Bot()
    chat = personal(bot)
    extras = {
        "channelId": "msteams", "serviceUrl": "http://somewhere.example/", "timestamp": "2001-01-01T00:00:00Z",
        "from": {"id": "29:1ada", "name": "Ada"}, "recipient": {"id": "29:1cleo"}, "inputHint": "acceptingInput",
        "conversation": {"id": "19:other@thread.tacv2", "tenantID": "not-this-one", "isGroup": True},
        "noSuchMember": {"kept": True},
    }
    id = bot.sent(chat, text("hi", **extras))
    bot.updated(chat, id, text("hi again", id="1", replyToId="1700000000100", **extras))
    message = stored(chat, id)
    assert (message["text"], message["conversation_id"]) == ("hi again", chat)
    assert message["activity"]["noSuchMember"] == {"kept": True}
    assert message["user"] not in ("U01ADA", "U01CLEO")
    bot.deleted(chat, id)


def test_threaded_send_by_address_and_by_body():
    bot = Bot()
    root = bot.sent(GENERAL, text("root"))
    by_address = bot.sent(GENERAL, text("by address"), reply_to=root)
    bot.sent(GENERAL, text("by body", replyToId=root))
    # A reply's id means its thread; there is no deeper level.
    bot.sent(GENERAL, text("to the reply"), reply_to=by_address)
    bot.sent(GENERAL, text("to the reply, in the body", replyToId=by_address))
    said = ["root", "by address", "by body", "to the reply", "to the reply, in the body"]
    messages = thread(root)
    assert [message["text"] for message in messages] == said
    assert messages[0]["reply_count"] == 4
    # An update does not move a message, whatever its body says.
    other = bot.sent(GENERAL, text("another root"))
    bot.updated(GENERAL, by_address, text("still here", replyToId=other))
    assert thread(root)[1]["text"] == "still here"
    assert len(thread(other)) == 1


@pytest.mark.parametrize(
    "unknown", ["1700000000100", "f:0f4c1f3e", "9b4c0f0e-8d4a-4d56-8c6a-1f7f0e1c2d3b", "1|0000001"]
)
def test_a_reply_to_an_unknown_id_is_no_error(unknown):
    bot = Bot()
    chat = personal(bot)
    for place in (chat, GENERAL):
        by_address = bot.sent(place, text("proactive"), reply_to=unknown)
        by_body = bot.sent(place, text("proactive", replyToId=unknown))
        for id in (by_address, by_body):
            message = stored(place, id)
            assert (message["text"], message["thread_ts"]) == ("proactive", None)
            bot.deleted(place, id)


def test_a_growing_list_is_updated_at_once_and_deleted_one_by_one():
    bot = Bot()
    chat = personal(bot, "29:1cleo")
    remembered = []
    for number in range(1, 8):
        remembered.append(bot.sent(chat, text(f"message {number}")))
        for id in remembered:
            bot.updated(chat, id, text(f"{number} so far"))
        shown = {message["activity_id"]: message for message in line(chat)}
        assert [shown[id]["text"] for id in remembered] == [f"{number} so far"] * number
    assert [shown[id]["revision"] for id in remembered] == [8, 7, 6, 5, 4, 3, 2]
    for place, id in enumerate(remembered):
        bot.deleted(chat, id)
        left = {message["activity_id"] for message in line(chat)}
        assert left.isdisjoint(remembered[: place + 1]) and set(remembered[place + 1 :]) <= left


@pytest.mark.parametrize(
    ("before", "after", "said", "count"),
    [
        pytest.param({"attachments": [card("a card")]}, {"text": "a text"}, "a text", 0, id="card-to-text"),
        pytest.param({"text": "a text"}, {"attachments": [card("a card")]}, "a card", 1, id="text-to-card"),
        pytest.param(
            {"attachments": [card("one"), card("two"), card("three")], "attachmentLayout": "carousel"},
            {"attachments": [card("only one")]},
            "only one",
            1,
            id="several-to-one",
        ),
        pytest.param(
            {"text": "with all", "entities": [{"type": "mention"}], "suggestedActions": {"actions": []}},
            {"text": "bare"},
            "bare",
            0,
            id="what-is-left-out-is-gone",
        ),
        pytest.param(
            {"text": "both", "attachments": [card("kept together")]}, {"text": "one"}, "one", 0, id="text-and-card"
        ),
    ],
)
def test_an_update_replaces_the_whole_message(before, after, said, count):
    bot = Bot()
    chat = personal(bot)
    earlier = len(line(chat))
    id = bot.sent(chat, {"type": "message", **before})
    bot.updated(chat, id, {"type": "message", **after})
    message = stored(chat, id)
    assert message["text"] == said
    assert len(message["activity"].get("attachments", [])) == count
    assert set(message["activity"]) == {"type", *after}
    # One message it was and one it is.
    assert len(line(chat)) == earlier + 1
    bot.deleted(chat, id)


def test_a_card_seen_by_both_sides():
    """What the Connector sends, readers of the Slack API find, with the same message under both spellings of its id."""
    bot = Bot()
    id = bot.sent(GENERAL, {"type": "message", "attachments": [card("Which day?")]})
    (message,) = thread(id)
    assert message["text"] == "Which day?" and message["ts"].replace(".", "") == id
    bot.updated(GENERAL, id, text("**Tuesday** it is", textFormat="markdown"))
    assert thread(id)[0]["text"] == "*Tuesday* it is" and thread(id)[0]["edited"]
    bot.deleted(GENERAL, id)


def test_a_deleted_root_with_replies_stays_answerable():
    bot = Bot()
    root = bot.sent(GENERAL, text("root"))
    reply = bot.sent(GENERAL, text("reply"), reply_to=root)
    bot.deleted(GENERAL, root)
    assert [message["text"] for message in thread(root)] == ["This message was deleted.", "reply"]
    error(bot.update(GENERAL, root, text("alive")), 404, "ActivityNotFoundInConversation")
    error(bot.delete(GENERAL, root), 404, "ActivityNotFoundInConversation")
    late = bot.sent(f"{GENERAL};messageid={root}", text("late"))
    assert [message["text"] for message in thread(root)] == ["This message was deleted.", "reply", "late"]
    bot.deleted(GENERAL, reply)
    bot.deleted(GENERAL, late)
    assert thread(root) == "thread_not_found"


def test_anothers_message_is_refused_with_the_reason():
    helpdesk, planner = Bot(), Bot(PLANNER)
    id = helpdesk.sent(GENERAL, text("mine"))
    for answer in (planner.update(GENERAL, id, text("mine now")), planner.delete(GENERAL, id)):
        assert "helpdesk" in error(answer, 403, "NotEnoughPermissions")
    assert thread(id)[0]["text"] == "mine"
    body = urllib.parse.urlencode({"channel": "C01GENERAL", "text": "a person's"})
    headers = {"Authorization": "Bearer xoxp-ben", "Content-Type": "application/x-www-form-urlencoded"}
    _, _, posted = request("POST", "/api/chat.postMessage", body, headers)
    theirs = json.loads(posted)["ts"].replace(".", "")
    for answer in (helpdesk.update(GENERAL, theirs, text("x")), helpdesk.delete(GENERAL, theirs)):
        error(answer, 403, "NotEnoughPermissions")
    helpdesk.deleted(GENERAL, id)


def test_bodies_that_are_refused():
    bot = Bot()
    id = bot.sent(GENERAL, text("untouched"))
    big = text("a" * 60_000)
    cases = [
        (400, "BadArgument", {}),
        (400, "BadSyntax", {"type": "message"}),
        (400, "BadSyntax", {"type": "message", "text": "", "attachments": []}),
        (400, "BadSyntax", b"{"),
        (400, "BadSyntax", []),
        (400, "BadArgument", {"type": "event", "name": "x"}),
        (400, "BadArgument", {"type": "messageUpdate", "text": "x"}),
        (413, "MessageSizeTooBig", big),
    ]
    for status, code, body in cases:
        error(bot.send(GENERAL, body), status, code)
        error(bot.update(GENERAL, id, body), status, code)
    error(bot.update(GENERAL, id, {"type": "typing"}), 400, "BadArgument")
    before = line(GENERAL)[0]["activity_id"]
    for kind in ("typing", "trace"):
        assert bot.send(GENERAL, {"type": kind}) == (202, {})
    assert line(GENERAL)[0]["activity_id"] == before
    assert thread(id)[0]["text"] == "untouched" and "edited" not in thread(id)[0]
    for answer in (bot.update(GENERAL, "1700000000100", text("x")), bot.delete(GENERAL, "no-such-id")):
        error(answer, 404, "ActivityNotFoundInConversation")
    bot.deleted(GENERAL, id)


def test_conversations_that_the_bot_is_not_in():
    bot, member = Bot(), Bot(PLANNER)
    id = member.sent(LEADS, text("among leads"))
    for place in ("19:nowhere@thread.tacv2", LEADS, "a:1nobody"):
        for answer in (
            bot.send(place, text("x")), bot.update(place, id, text("x")), bot.delete(place, id),
            bot.call("GET", bot.path(place, "members")), bot.call("GET", bot.path(place, "pagedmembers")),
        ):
            error(answer, 404, "ConversationNotFound")
    member.deleted(LEADS, id)


def test_a_bot_that_was_removed_is_told_so():
    channel, place, member = own_channel("ada")
    bot = Bot()
    id = bot.sent(place, text("here"))
    control("DELETE", f"channels/{channel}/members/{member}")
    for answer in (bot.send(place, text("x")), bot.update(place, id, text("x")), bot.delete(place, id)):
        error(answer, 403, "BotNotInConversationRoster")


def test_wrong_verbs_on_known_paths():
    bot = Bot()
    headers = {"Authorization": f"Bearer {bot.token}"}
    for verb, path, allow in (
        ("GET", f"/v3/conversations/{escaped(GENERAL)}/activities", "POST"),
        ("PATCH", f"/v3/conversations/{escaped(GENERAL)}/activities/1", "POST, PUT, DELETE"),
        ("POST", f"/v3/conversations/{escaped(GENERAL)}/members", "GET"),
    ):
        status, answered, _ = request(verb, path, None, headers)
        assert (status, answered["allow"]) == (405, allow)


# --- creating conversations ---

FIRST = {"type": "message", "text": "first"}
CHANNEL = {"channel": {"id": GENERAL}}


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"tenantId": TENANT}, id="tenant-id"),
        pytest.param({"tenantID": TENANT}, id="tenant-as-botbuilder-for-python-spells-it"),
        pytest.param({"channelData": {"tenant": {"id": TENANT}}}, id="tenant-in-channel-data"),
        pytest.param({"channelData": {"tenant": {"tenantId": TENANT}}}, id="tenant-in-channel-data-python"),
        pytest.param({"tenantId": TENANT, "bot": {"id": f"28:{HELPDESK[0]}", "name": "helpdesk"}}, id="with-bot"),
        pytest.param({"tenantId": TENANT, "isGroup": False}, id="not-a-group"),
        pytest.param({"tenantId": TENANT, "isGroup": None, "topicName": None, "activity": None}, id="nulls"),
        pytest.param({"tenantId": TENANT, "activity": FIRST}, id="with-activity"),
    ],
)
@pytest.mark.parametrize("member", ["29:1ben", "22222222-0000-4000-8000-000000000002"])
def test_the_conversation_with_a_person_is_always_the_same(parameters, member):
    bot = Bot()
    chat = personal(bot)
    status, answer = bot.create(members=[{"id": member}], **parameters)
    assert status == 201 and answer["id"] == chat
    assert chat.startswith("a:1") and len(chat) <= 150
    assert answer["serviceUrl"].startswith(URL) and answer["serviceUrl"].endswith(f"/{TENANT}/")
    if "activity" in parameters and parameters["activity"]:
        assert stored(chat, answer["activityId"])["text"] == "first"
        bot.deleted(chat, answer["activityId"])
    else:
        assert "activityId" not in answer
    assert personal(Bot(PLANNER)) != chat


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="plain"),
        pytest.param({"members": [{"id": "29:1ada"}, {"id": "29:1ben"}]}, id="members-are-tolerated"),
        pytest.param({"bot": {"id": f"28:{HELPDESK[0]}"}, "tenantId": TENANT}, id="bot-and-tenant"),
        pytest.param({"topicName": "a topic"}, id="topic"),
    ],
)
def test_a_new_thread_in_a_channel(parameters):
    bot = Bot()
    status, answer = bot.create(isGroup=True, channelData=CHANNEL, activity=FIRST, **parameters)
    assert status == 201
    root = answer["activityId"]
    assert answer["id"] == f"{GENERAL};messageid={root}"
    assert [message["text"] for message in thread(root)] == ["first"]
    bot.sent(answer["id"], text("second"))
    assert [message["text"] for message in thread(root)] == ["first", "second"]
    bot.updated(answer["id"], root, text("first, again"))
    assert thread(root)[0]["text"] == "first, again"


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"isGroup": True, "members": [{"id": "29:1ada"}], "tenantId": TENANT}, id="group-of-one"),
        pytest.param(
            {"isGroup": True, "members": [{"id": "29:1ada"}, {"id": "29:1ben"}], "activity": FIRST}, id="group"
        ),
        pytest.param({"isGroup": True, "members": [], "topicName": "x", "activity": FIRST}, id="group-of-none"),
        pytest.param({"isGroup": True, "channelData": CHANNEL}, id="channel-without-activity"),
        pytest.param({"isGroup": False, "members": [], "tenantId": TENANT}, id="nobody"),
        pytest.param({"members": [{"id": "29:1ada"}, {"id": "29:1ben"}], "tenantId": TENANT}, id="several"),
        pytest.param({}, id="nothing"),
    ],
)
def test_conversations_that_a_bot_does_not_found(parameters):
    before = line(GENERAL)[:1]
    error(Bot().create(**parameters), 400, "BadSyntax")
    assert line(GENERAL)[:1] == before


def test_people_and_channels_that_cannot_be_reached():
    bot = Bot()
    error(bot.create(members=[{"id": "29:1nobody"}], tenantId=TENANT), 404, "ConversationNotFound")
    away = {"channel": {"id": "19:nowhere@thread.tacv2"}}
    error(bot.create(isGroup=True, channelData=away, activity=FIRST), 404, "ConversationNotFound")


# --- members ---

ADA = {
    "id": "29:1ada", "name": "Ada Lovelace", "givenName": "Ada", "surname": "Lovelace", "email": "ada@acme.example",
    "userPrincipalName": "ada@acme.example", "tenantId": TENANT, "userRole": "user",
    "aadObjectId": "22222222-0000-4000-8000-000000000001", "objectId": "22222222-0000-4000-8000-000000000001",
}


@pytest.mark.parametrize("spell", [raw, escaped])
def test_members_all_paged_and_one(spell):
    bot = Bot(spell=spell)
    _, channel, _ = own_channel("ada", "ben", "cleo")
    for place in (channel, f"{channel};messageid=1700000000100"):
        status, everyone = bot.call("GET", bot.path(place, "members"))
        assert status == 200
        # People only; the bots are not listed.
        assert [member["id"] for member in everyone] == ["29:1ada", "29:1ben", "29:1cleo"]
        assert everyone[0] == ADA
        for name in ("pagedmembers", "pagedMembers"):
            status, page = bot.call("GET", f"{bot.path(place, name)}?pageSize=50&continuationToken=")
            assert (status, page) == (200, {"members": everyone})
        for id in (ADA["id"], ADA["aadObjectId"]):
            assert bot.call("GET", bot.path(place, "members", spell(id))) == (200, ADA)
    error(bot.call("GET", bot.path(GENERAL, "members", spell("29:1nobody"))), 404, "MemberNotFoundInConversation")
    chat = personal(bot, "29:1ada")
    assert bot.call("GET", bot.path(chat, "members")) == (200, [ADA])
    error(bot.call("GET", bot.path(chat, "members", spell("29:1ben"))), 404, "MemberNotFoundInConversation")


def test_members_are_walked_page_by_page():
    names = [fresh("person") for _ in range(55)]
    for name in names:
        control("POST", "people", {"name": name})
    _, place, _ = own_channel(*names)
    bot, found, sizes, token = Bot(), [], [], ""
    while token is not None:
        assert len(sizes) < 10, "the walk does not end"
        path = f"{bot.path(place, 'pagedmembers')}?pageSize=50&continuationToken={token}"
        status, page = bot.call("GET", path)
        assert status == 200
        found += [member["id"] for member in page["members"]]
        sizes.append(len(page["members"]))
        token = page.get("continuationToken")
    assert sizes == [50, 5] and len(set(found)) == 55
    assert bot.call("GET", bot.path(place, "members"))[1][0]["id"] == found[0]
