"""What surrounds every method: encodings, tokens, headers, warnings, unknown methods; and `api.test`, `auth.*`."""

import json
import re

import pytest

from world import URL, fresh, new_token, pages, post, reasons, refused, room


async def test_api_test_echoes_what_it_got(slack):
    assert (await slack().api_test())["args"] == {}
    assert (await slack().api_test(foo="b ä & <r>"))["args"]["foo"] == "b ä & <r>"
    with refused("went_wrong") as raised:
        await slack().api_test(error="went_wrong")
    assert raised.value.response["args"]["error"] == "went_wrong"


@pytest.mark.parametrize(
    ("shape", "sent"),
    [
        ("json", {"json": {"name": "ünï", "flag": True, "list": [1, {"a": None}]}}),
        ("form", {"data": {"name": "ünï", "flag": True, "list": '[1,{"a":null}]'}}),
        ("parameters", {"params": {"name": "ünï", "flag": True, "list": '[1,{"a":null}]'}}),
        ("query", {"http_verb": "GET", "params": {"name": "ünï", "flag": True, "list": '[1,{"a":null}]'}}),
    ],
)
async def test_every_encoding_that_the_client_has(slack, shape, sent):
    args = (await slack().api_call("api.test", **sent))["args"]
    assert args["name"] == "ünï"
    # The asynchronous client sends a form's booleans as Python writes them.
    assert args["flag"] in ("true", "1", "True")
    assert json.loads(args["list"]) == [1, {"a": None}]


@pytest.mark.parametrize("given", [True, "true", 1, "1", "True"])
async def test_booleans_in_every_spelling(bot, given):
    for sent in ("data", "params", "json"):
        answer = await bot.api_call("users.info", **{sent: {"user": "U01ADA", "include_locale": given}})
        assert answer["user"]["locale"] == "en-US"


async def test_auth_test_says_whom_the_token_acts_as(slack):
    bot = (await slack("xoxb-deploy").auth_test()).data
    assert bot == {
        "ok": True, "url": bot["url"], "team": "Acme", "user": "deploybot", "team_id": "T01ACME",
        "user_id": "U01DEPLOY", "bot_id": "B01DEPLOY", "is_enterprise_install": False,
    }
    assert bot["url"].startswith(URL) and bot["url"].endswith("/")
    person = (await slack("xoxp-ada").auth_test()).data
    assert (person["user"], person["user_id"]) == ("ada", "U01ADA")
    assert "bot_id" not in person
    app = (await slack("xapp-deploy").auth_test()).data
    assert (app["app_id"], app["app_name"]) == ("A01DEPLOY", "deploybot")


async def test_a_token_of_any_form(slack):
    assert (await slack("fake-token").auth_test())["bot_id"] == "B01DEPLOY"
    # Another token than the client's own for one call.
    assert (await slack("xoxb-deploy").auth_test(token="xoxb-poll"))["bot_id"] == "B01POLL"


async def test_a_token_in_the_body_alone(slack):
    assert (await slack().api_call("auth.test", data={"token": "xoxb-poll"}))["bot_id"] == "B01POLL"


async def test_tokens_that_are_not_accepted(slack):
    with refused("not_authed"):
        await slack().auth_test()
    with refused("invalid_auth"):
        await slack("xoxb-nobody").auth_test()
    with refused("not_allowed_token_type"):
        await slack("xapp-deploy").users_list()
    with refused("token_expired"):
        await slack(new_token(expires_in_seconds=0)).auth_test()


async def test_auth_revoke_ends_one_token(slack):
    client = slack(new_token())
    assert (await client.auth_revoke(test=True))["revoked"] is False
    assert (await client.auth_test())["user"] == "deploybot"
    assert (await client.auth_revoke())["revoked"] is True
    with refused("token_revoked"):
        await client.auth_test()
    with refused("token_revoked"):
        await client.auth_revoke()
    assert (await slack("xoxb-deploy").auth_test())["user"] == "deploybot"


async def test_a_scope_that_is_missing(slack):
    narrow = slack("xoxb-narrow")
    with refused("missing_scope") as raised:
        await narrow.users_list()
    assert raised.value.response["needed"] == "users:read"
    assert raised.value.response["provided"] == "chat:write"
    with refused("missing_scope") as raised:
        await narrow.chat_postMessage(channel="C01GENERAL", text="x", username="somebody else")
    assert raised.value.response["needed"] == "chat:write.customize"
    assert (await narrow.chat_postMessage(channel="C01GENERAL", text="with chat:write alone"))["ok"]


async def test_headers_of_answers(bot, slack):
    answer = await bot.conversations_list()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert {"chat:write", "channels:read"} <= set(headers["x-oauth-scopes"].split(","))
    assert "channels:read" in headers["x-accepted-oauth-scopes"].split(",")
    assert re.fullmatch("[0-9a-f]{32}", headers["x-slack-req-id"])
    assert headers["content-type"] == "application/json; charset=utf-8"
    again = {name.lower(): value for name, value in (await bot.conversations_list()).headers.items()}
    assert again["x-slack-req-id"] != headers["x-slack-req-id"]
    test = {name.lower() for name in (await bot.auth_test()).headers}
    assert "x-oauth-scopes" in test and "x-accepted-oauth-scopes" not in test
    assert "x-oauth-scopes" not in {name.lower() for name in (await slack().api_test()).headers}


async def test_methods_that_do_not_exist(bot, slack):
    for client in (bot, slack()):
        with refused("unknown_method") as raised:
            await client.api_call("chat.unsend", json={"channel": "C01GENERAL"})
        assert raised.value.response["req_method"] == "chat.unsend"


async def test_arguments_that_are_missing(bot):
    with refused("invalid_arguments") as raised:
        await bot.api_call("chat.update", json={"channel": "C01GENERAL", "text": "x"})
    assert raised.value.response["response_metadata"]["messages"] == ["[ERROR] missing required field: ts"]


async def test_a_warning_about_the_encoding(flavour, bot):
    if flavour == "async":
        # The synchronous client writes this header itself, whatever the caller asks for.
        form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        answer = await bot.api_call("api.test", data={"a": "b"}, headers=form)
        assert answer["args"] == {"a": "b"}
        assert answer["warning"] == "superfluous_charset"
        assert answer["response_metadata"]["warnings"] == ["superfluous_charset"]
        with refused("channel_not_found") as raised:
            await bot.api_call("chat.postMessage", data={"channel": "C0", "text": "x"}, headers=form)
        assert raised.value.response["response_metadata"]["warnings"] == ["superfluous_charset"]
    answer = await bot.chat_postMessage(channel="C01GENERAL", text="no warning")
    assert "warning" not in answer.data and "response_metadata" not in answer.data
    assert "warning" not in (await bot.conversations_info(channel="C01GENERAL")).data


async def test_the_iterator_stops_on_the_last_page(bot):
    channel = await room(bot)
    answer = await bot.conversations_history(channel=channel, limit=1)
    assert [len(page["messages"]) async for page in pages(answer)] == [0]
    with refused("invalid_cursor"):
        await bot.conversations_history(channel=channel, cursor="bm90aGluZw==")
    with refused("invalid_cursor"):
        await bot.users_list(cursor="!")


async def test_a_post_that_is_sent_twice_is_stored_once(bot):
    channel = await room(bot)
    key = fresh("key")
    first = await post(bot, channel, "once", client_msg_id=key)
    assert await post(bot, channel, "once", client_msg_id=key) == first
    assert len((await bot.conversations_history(channel=channel))["messages"]) == 1
    with refused("duplicate_message_not_found") as raised:
        await post(bot, channel, "something else", client_msg_id=key)
    assert "idempotency key" in reasons(raised)
