"""`chat.postMessage`, `postEphemeral`, `meMessage`, `getPermalink`: the answer, and what readers find afterwards."""

import pytest
from slack_sdk.models.blocks import DividerBlock, SectionBlock
from slack_sdk.models.metadata import Metadata

from world import URL, find, history, post, reasons, refused, replies, room

SECTION = {"type": "section", "block_id": "b1", "text": {"type": "mrkdwn", "text": "*Build 7*"}}
GENERATED = {"type": "rich_text", "elements": [
    {"type": "rich_text_section", "elements": [{"type": "text", "text": "hello"}]},
]}


def bare(message):
    """A message without what readers may see differently."""
    blocks = [{name: value for name, value in block.items() if name != "block_id"} for block in message["blocks"]]
    return {**message, "blocks": blocks}


async def test_a_text(bot, ada):
    channel = await room(bot, "U01ADA")
    answer = await bot.chat_postMessage(channel=channel, text="hello")
    message = answer["message"]
    assert answer["channel"] == channel and answer["ts"] == message["ts"]
    profile = message["bot_profile"]
    assert bare(message) == {
        "type": "message", "user": "U01DEPLOY", "bot_id": "B01DEPLOY", "app_id": "A01DEPLOY", "team": "T01ACME",
        "ts": answer["ts"], "text": "hello", "bot_profile": profile, "blocks": [GENERATED],
    }
    assert (profile["id"], profile["app_id"], profile["name"]) == ("B01DEPLOY", "A01DEPLOY", "deploybot")
    for reader in (bot, ada):
        assert [bare(found) for found in await history(reader, channel)] == [bare(message)]


async def test_blocks_keep_their_ids_and_give_a_fallback_text(bot):
    channel = await room(bot)
    answer = await bot.chat_postMessage(channel=channel, text="Build 7", blocks=[SECTION, {"type": "divider"}])
    section, divider = answer["message"]["blocks"]
    assert section == {**SECTION, "text": {"type": "mrkdwn", "text": "*Build 7*", "verbatim": False}}
    assert divider["type"] == "divider" and divider["block_id"]
    assert (await find(bot, channel, answer["ts"]))["blocks"] == [section, divider]
    # The SDK's own block objects, and blocks as JSON text.
    objects = [SectionBlock(block_id="b2", text="plain"), DividerBlock(block_id="b3")]
    ts = await post(bot, channel, "x", blocks=objects)
    assert [block["block_id"] for block in (await find(bot, channel, ts))["blocks"]] == ["b2", "b3"]
    ts = await post(bot, channel, "x", blocks='[{"type":"divider","block_id":"b4"}]')
    assert [block["block_id"] for block in (await find(bot, channel, ts))["blocks"]] == ["b4"]
    ts = await post(bot, channel, None, blocks=[SECTION])
    assert "Build 7" in (await find(bot, channel, ts))["text"]


async def test_attachments_get_ids_and_fallbacks(bot):
    channel = await room(bot)
    attachments = [{"text": "first", "color": "#ff0000"}, {"text": "second", "fallback": "2nd", "no_such": 1}]
    answer = await bot.chat_postMessage(channel=channel, text="x", attachments=attachments)
    shown = answer["message"]["attachments"]
    assert [(it["id"], it["text"]) for it in shown] == [(1, "first"), (2, "second")]
    assert (shown[0]["color"], shown[1]["fallback"]) == ("ff0000", "2nd")
    assert shown[0]["fallback"] and "no_such" not in shown[1]
    assert (await find(bot, channel, answer["ts"]))["attachments"] == shown


async def test_metadata_is_shown_whole_to_those_who_ask(bot):
    channel = await room(bot)
    payload = {"build": 7, "tags": ["a", {"b": None}]}
    answer = await bot.chat_postMessage(channel=channel, text="x", metadata=Metadata("build_done", payload))
    whole = {"event_type": "build_done", "event_payload": payload}
    assert answer["message"]["metadata"] == whole
    assert (await find(bot, channel, answer["ts"]))["metadata"] == whole
    for read in (
        bot.conversations_history(channel=channel),
        bot.conversations_replies(channel=channel, ts=answer["ts"]),
    ):
        assert (await read)["messages"][0]["metadata"] == {"event_type": "build_done"}


async def test_markdown_text_is_stored_as_mrkdwn(bot):
    channel = await room(bot)
    answer = await bot.chat_postMessage(channel=channel, markdown_text="**bold** and [docs](https://x.example/a)")
    assert answer["message"]["text"] == "*bold* and <https://x.example/a|docs>"
    leaves = answer["message"]["blocks"][0]["elements"][0]["elements"]
    assert leaves[0] == {"type": "text", "text": "bold", "style": {"bold": True}}
    assert leaves[-1] == {"type": "link", "url": "https://x.example/a", "text": "docs"}
    with refused("markdown_text_conflict"):
        await bot.chat_postMessage(channel=channel, markdown_text="**b**", text="b")


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        ({}, "a &lt; b, see <https://x.example> in #general, @here"),
        ({"link_names": True}, "a &lt; b, see <https://x.example> in <#C01GENERAL>, <!here>"),
        ({"parse": "none"}, "a &lt; b, see https://x.example in #general, @here"),
        ({"parse": "full"}, "a &lt; b, see <https://x.example> in <#C01GENERAL>, <!here>"),
    ],
)
async def test_parse_and_link_names(bot, options, stored):
    channel = await room(bot)
    ts = await post(bot, channel, "a < b, see https://x.example in #general, @here", **options)
    assert (await find(bot, channel, ts))["text"] == stored


async def test_escaped_text_and_mentions_stay_as_they_are(bot):
    channel = await room(bot)
    text = "&lt;b&gt; &amp; <@U01ADA> <!channel> <https://x.example|x> ünï"
    ts = await post(bot, channel, text)
    assert (await find(bot, channel, ts))["text"] == text


async def test_a_thread_and_a_reply_shown_in_the_channel(bot, ada):
    channel = await room(bot, "U01ADA")
    root = await post(bot, channel, "root")
    first = await bot.chat_postMessage(channel=channel, text="first", thread_ts=root)
    assert first["message"]["thread_ts"] == root and first["message"]["parent_user_id"] == "U01DEPLOY"
    second = await post(ada, channel, "second", thread_ts=root, reply_broadcast=True)
    thread = await replies(bot, channel, root)
    assert [message["text"] for message in thread] == ["root", "first", "second"]
    assert thread[0]["thread_ts"] == root
    assert (thread[0]["reply_count"], thread[0]["reply_users_count"], thread[0]["latest_reply"]) == (2, 2, second)
    assert set(thread[0]["reply_users"]) == {"U01DEPLOY", "U01ADA"}
    line = await history(bot, channel)
    assert [message["text"] for message in line[:2]] == ["second", "root"]
    assert line[0]["subtype"] == "thread_broadcast" and line[0]["root"]["text"] == "root"
    # To name a reply means its thread: there is one level only.
    nested = await bot.chat_postMessage(channel=channel, text="third", thread_ts=first["ts"])
    assert nested["message"]["thread_ts"] == root
    assert len(await replies(bot, channel, root)) == 4


async def test_a_thread_that_does_not_exist_is_ignored_but_not_silently(bot):
    channel = await room(bot)
    answer = await bot.chat_postMessage(channel=channel, text="lost", thread_ts="1234567890.000100")
    assert "thread_ts" not in answer["message"]
    assert "thread_ts" in answer["response_metadata"]["messages"][0]
    assert (await find(bot, channel, answer["ts"]))["text"] == "lost"


async def test_a_name_and_a_picture_of_ones_own(bot):
    channel = await room(bot)
    answer = await bot.chat_postMessage(channel=channel, text="hi", username="Release train", icon_emoji=":train:")
    message = await find(bot, channel, answer["ts"])
    assert (message["username"], message["icons"]) == ("Release train", {"emoji": ":train:"})
    assert (message["subtype"], message["bot_id"]) == ("bot_message", "B01DEPLOY")
    assert "user" not in message
    ts = await post(bot, channel, "hi", icon_url="https://x.example/i.png")
    message = await find(bot, channel, ts)
    assert message["user"] == "U01DEPLOY" and "https://x.example/i.png" in message["icons"].values()


async def test_as_user_belongs_to_classic_apps(bot):
    channel = await room(bot)
    assert (await bot.chat_postMessage(channel=channel, text="x", as_user=True))["message"]["bot_id"] == "B01DEPLOY"
    with refused("invalid_arguments") as raised:
        await bot.chat_postMessage(channel=channel, text="x", as_user=False)
    assert raised.value.response["deprecated_argument"] == "as_user"


async def test_names_of_channels_and_ids_of_people_as_targets(bot, ada):
    for name in ("general", "#general"):
        assert (await bot.chat_postMessage(channel=name, text="x"))["channel"] == "C01GENERAL"
    answer = await bot.chat_postMessage(channel="U01ADA", text="between us")
    assert answer["channel"].startswith("D")
    assert (await history(ada, answer["channel"]))[0]["text"] == "between us"
    assert (await ada.conversations_open(users="U01DEPLOY"))["channel"]["id"] == answer["channel"]


async def test_a_person_posts_as_themselves(ada, bot):
    answer = await ada.chat_postMessage(channel="C01GENERAL", text="mine", username="not me")
    message = answer["message"]
    assert message["user"] == "U01ADA" and "username" not in message and "subtype" not in message
    assert (await find(bot, "C01GENERAL", answer["ts"]))["user"] == "U01ADA"


async def test_posts_that_are_refused(bot, other_bot):
    private = await room(other_bot, is_private=True)
    cases = [
        ("channel_not_found", {"channel": "C0NOWHERE", "text": "x"}),
        ("channel_not_found", {"channel": private, "text": "x"}),
        ("is_archived", {"channel": "C01ATTIC", "text": "x"}),
        ("no_text", {"channel": "C01GENERAL", "text": ""}),
        ("invalid_blocks_format", {"channel": "C01GENERAL", "text": "x", "blocks": '{"type":"divider"}'}),
        ("invalid_blocks", {"channel": "C01GENERAL", "text": "x", "blocks": [SECTION, SECTION]}),
        ("invalid_blocks", {"channel": "C01GENERAL", "text": "x", "blocks": [{"type": "divider"}] * 51}),
        ("too_many_attachments", {"channel": "C01GENERAL", "text": "x", "attachments": [{"text": "a"}] * 101}),
        ("invalid_metadata_schema", {"channel": "C01GENERAL", "text": "x", "metadata": {"event_type": "a"}}),
    ]
    before = await history(bot, "C01GENERAL", limit=1)
    for code, call in cases:
        with refused(code):
            await bot.chat_postMessage(**call)
    assert [it["ts"] for it in await history(bot, "C01GENERAL", limit=1)] == [it["ts"] for it in before]
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "a" * 3001}}
    with refused("invalid_blocks") as raised:
        await bot.chat_postMessage(channel="C01GENERAL", text="x", blocks=[long])
    errors = raised.value.response["errors"]
    assert errors == ["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]
    assert raised.value.response["response_metadata"]["messages"] == [f"[ERROR] {errors[0]}"]


async def test_a_bot_that_may_not_post_unjoined(slack, bot, other_bot):
    channel = await room(bot)
    assert (await other_bot.chat_postMessage(channel=channel, text="public, so welcome"))["ok"]
    with refused("not_in_channel") as raised:
        await slack("xoxb-narrow").chat_postMessage(channel=await room(other_bot), text="x")
    assert "chat:write.public" in reasons(raised)


async def test_a_text_that_is_too_long_is_cut(bot):
    channel = await room(bot)
    answer = await bot.chat_postMessage(channel=channel, text="a" * 40_005)
    assert answer["warning"] == "message_truncated"
    assert answer["response_metadata"]["warnings"] == ["message_truncated"]
    assert (await find(bot, channel, answer["ts"]))["text"] == "a" * 40_000


async def test_an_ephemeral_message_leaves_no_trace(bot, ada):
    channel = await room(bot, "U01ADA")
    ts = (await bot.chat_postEphemeral(channel=channel, user="U01ADA", text="psst", blocks=[SECTION]))["message_ts"]
    for reader in (bot, ada):
        assert await find(reader, channel, ts) is None
        with refused("message_not_found"):
            await reader.chat_getPermalink(channel=channel, message_ts=ts)
    with refused("cant_update_message") as raised:
        await bot.chat_update(channel=channel, ts=ts, text="louder")
    assert "response_url" in reasons(raised)
    with refused("message_not_found"):
        await bot.chat_delete(channel=channel, ts=ts)
    with refused("user_not_in_channel"):
        await bot.chat_postEphemeral(channel=channel, user="U01CLEO", text="psst")
    with refused("no_text"):
        await bot.chat_postEphemeral(channel=channel, user="U01ADA", text="")


async def test_a_me_message_is_changed_and_deleted_like_others(bot):
    channel = await room(bot)
    answer = await bot.chat_meMessage(channel=channel, text="is deploying")
    assert answer["channel"] == channel
    message = await find(bot, channel, answer["ts"])
    assert (message["subtype"], message["text"]) == ("me_message", "is deploying")
    await bot.chat_update(channel=channel, ts=answer["ts"], text="has deployed")
    assert (await find(bot, channel, answer["ts"]))["text"] == "has deployed"
    await bot.chat_delete(channel=channel, ts=answer["ts"])
    assert await find(bot, channel, answer["ts"]) is None


async def test_permalinks(bot):
    channel = await room(bot)
    root = await post(bot, channel)
    reply = await post(bot, channel, thread_ts=root)
    head = (await bot.auth_test())["url"]
    assert head.startswith(URL)
    answer = await bot.chat_getPermalink(channel=channel, message_ts=root)
    assert answer["channel"] == channel
    assert answer["permalink"] == f"{head}archives/{channel}/p{root.replace('.', '')}"
    answer = await bot.chat_getPermalink(channel=channel, message_ts=reply)
    tail = f"?thread_ts={root}&cid={channel}"
    assert answer["permalink"] == f"{head}archives/{channel}/p{reply.replace('.', '')}{tail}"
    with refused("message_not_found"):
        await bot.chat_getPermalink(channel=channel, message_ts="1234567890.000100")
    with refused("channel_not_found"):
        await bot.chat_getPermalink(channel="C0NOWHERE", message_ts=root)
