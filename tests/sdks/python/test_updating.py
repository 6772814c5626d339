"""`chat.update`: what is replaced, what stays, who may do it, and what readers find afterwards."""

import re

import pytest
from slack_sdk.models.metadata import Metadata

from world import find, history, post, reasons, refused, replies, room

BLOCKS = [{"type": "section", "block_id": "old", "text": {"type": "mrkdwn", "text": "old block"}}]
NEW_BLOCKS = [{"type": "section", "block_id": "new", "text": {"type": "mrkdwn", "text": "new block"}}]
META = {"event_type": "old_event", "event_payload": {"n": 1}}
NEW_META = {"event_type": "new_event", "event_payload": {"n": 2}}
FULL = {"text": "old", "blocks": BLOCKS, "attachments": [{"text": "old part"}], "metadata": META}
KEPT = {"text": "old", "blocks": ["old"], "attachments": ["old part"], "metadata": META}


def content(message):
    """What a message says, in short. Generated blocks are no blocks."""
    blocks = [block["block_id"] for block in message.get("blocks", []) if block["type"] != "rich_text"]
    parts = {
        "text": message["text"],
        "blocks": blocks,
        "attachments": [it["text"] for it in message.get("attachments", [])],
        "metadata": message.get("metadata"),
    }
    return {name: part for name, part in parts.items() if part}


@pytest.mark.parametrize(
    ("posted", "change", "left"),
    [
        pytest.param(FULL, {"text": "new"}, {**KEPT, "text": "new", "blocks": None}, id="text-alone-drops-blocks"),
        pytest.param(FULL, {"blocks": NEW_BLOCKS}, {**KEPT, "blocks": ["new"]}, id="blocks-alone-keep-text"),
        pytest.param(
            FULL,
            {"text": "new", "blocks": NEW_BLOCKS},
            {**KEPT, "text": "new", "blocks": ["new"]},
            id="text-and-blocks",
        ),
        pytest.param(
            FULL, {"text": "new", "blocks": BLOCKS}, {**KEPT, "text": "new"}, id="fallback-changes-beside-same-blocks"
        ),
        pytest.param(FULL, {"text": "new", "blocks": []}, {**KEPT, "text": "new", "blocks": None}, id="no-blocks"),
        pytest.param(FULL, {"blocks": []}, {**KEPT, "blocks": None}, id="no-blocks-alone"),
        pytest.param(
            FULL, {"text": "", "blocks": NEW_BLOCKS}, {**KEPT, "text": None, "blocks": ["new"]}, id="empty-text"
        ),
        pytest.param(FULL, {"attachments": []}, {**KEPT, "attachments": None}, id="no-attachments"),
        pytest.param(
            FULL, {"attachments": [{"text": "a"}, {"text": "b"}]}, {**KEPT, "attachments": ["a", "b"]}, id="attachments"
        ),
        pytest.param(FULL, {"metadata": {}}, {**KEPT, "metadata": None}, id="no-metadata"),
        pytest.param(FULL, {"metadata": NEW_META}, {**KEPT, "metadata": NEW_META}, id="metadata"),
        pytest.param(
            FULL,
            {"metadata": Metadata("new_event", {"n": 2})},
            {**KEPT, "metadata": NEW_META},
            id="metadata-as-object",
        ),
        pytest.param(
            FULL, {"markdown_text": "**new**"}, {**KEPT, "text": "*new*", "blocks": None}, id="markdown-drops-blocks"
        ),
        pytest.param(
            FULL,
            {"text": "new", "blocks": [], "attachments": [], "metadata": {}},
            {"text": "new"},
            id="everything-at-once",
        ),
        pytest.param({"text": "old"}, {"text": "new"}, {"text": "new"}, id="text-to-text"),
        pytest.param({"text": "old"}, {"blocks": NEW_BLOCKS}, {"text": "old", "blocks": ["new"]}, id="text-to-blocks"),
        pytest.param(
            {"markdown_text": "**old**"}, {"text": "new"}, {"text": "new"}, id="markdown-to-text"
        ),
        pytest.param({"text": "same"}, {"text": "same"}, {"text": "same"}, id="no-difference-is-an-edit"),
    ],
)
async def test_what_an_update_keeps_and_replaces(bot, posted, change, left):
    channel = await room(bot)
    left = {name: part for name, part in left.items() if part}
    before = await bot.chat_postMessage(channel=channel, **posted)
    answer = await bot.chat_update(channel=channel, ts=before["ts"], **change)
    assert (answer["channel"], answer["ts"]) == (channel, before["ts"])
    assert answer["text"] == answer["message"]["text"]
    assert "ts" not in answer["message"]
    assert content(answer["message"]) == left
    # A cleared member is gone, not empty.
    assert ("attachments" in answer["message"]) == ("attachments" in left)
    assert ("metadata" in answer["message"]) == ("metadata" in left)
    after = await find(bot, channel, before["ts"])
    assert content(after) == left
    assert content((await replies(bot, channel, before["ts"]))[0]) == left
    assert after["edited"] == answer["message"]["edited"]
    assert after["edited"]["user"] == "B01DEPLOY"
    assert re.fullmatch(r"\d{10}\.000000", after["edited"]["ts"])
    for name in ("user", "bot_id", "app_id", "team"):
        assert after[name] == before["message"][name]


async def test_a_generated_block_follows_the_text(bot):
    channel = await room(bot)
    ts = await post(bot, channel, "old", blocks=BLOCKS)
    await bot.chat_update(channel=channel, ts=ts, text="*new*")
    (block,) = (await find(bot, channel, ts))["blocks"]
    assert block["type"] == "rich_text"
    leaf = {"type": "text", "text": "new", "style": {"bold": True}}
    assert block["elements"] == [{"type": "rich_text_section", "elements": [leaf]}]


async def test_parse_and_link_names_start_anew(bot):
    channel = await room(bot)
    text = "see https://x.example in #general"
    ts = await post(bot, channel, text, parse="none", link_names=True)
    assert (await find(bot, channel, ts))["text"] == "see https://x.example in <#C01GENERAL>"
    await bot.chat_update(channel=channel, ts=ts, text=text)
    assert (await find(bot, channel, ts))["text"] == "see <https://x.example> in #general"
    await bot.chat_update(channel=channel, ts=ts, text=text, parse="none")
    assert (await find(bot, channel, ts))["text"] == "see https://x.example in #general"
    await bot.chat_update(channel=channel, ts=ts, text=text, link_names=True)
    assert (await find(bot, channel, ts))["text"] == "see <https://x.example> in <#C01GENERAL>"


async def test_the_message_stays_where_it_is(bot, ada):
    channel = await room(bot, "U01ADA")
    first, second = await post(bot, channel, "first"), await post(ada, channel, "second")
    reply = await post(bot, channel, "reply", thread_ts=first)
    before = await history(ada, channel)
    await bot.chat_update(channel=channel, ts=first, text="changed")
    await bot.chat_update(channel=channel, ts=reply, text="changed too")
    after = await history(ada, channel)
    assert [it["ts"] for it in after] == [it["ts"] for it in before] == [second, first]
    thread = ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply")
    assert [after[1][name] for name in thread] == [before[1][name] for name in thread]
    assert [it["text"] for it in await replies(ada, channel, first)] == ["changed", "changed too"]
    assert (await replies(ada, channel, first))[1]["thread_ts"] == first


async def test_many_updates_and_the_last_one_stays(bot):
    channel = await room(bot)
    ts = await post(bot, channel, "0%")
    for percent in range(5, 101, 5):
        assert (await bot.chat_update(channel=channel, ts=ts, text=f"{percent}%"))["text"] == f"{percent}%"
    assert [it["text"] for it in await history(bot, channel)] == ["100%"]


async def test_a_reply_is_brought_to_the_channel(bot):
    channel = await room(bot)
    root = await post(bot, channel, "root")
    reply = await post(bot, channel, "reply", thread_ts=root)
    assert [it["text"] for it in await history(bot, channel)] == ["root"]
    # slack_sdk tells people to give a text with every update; here there is none on purpose.
    await bot.api_call("chat.update", json={"channel": channel, "ts": reply, "reply_broadcast": True})
    line = await history(bot, channel)
    assert [it["text"] for it in line] == ["reply", "root"]
    assert (line[0]["subtype"], line[0]["root"]["ts"]) == ("thread_broadcast", root)
    assert "edited" not in line[0]
    with refused("cant_broadcast_message"):
        await bot.chat_update(channel=channel, ts=root, text="x", reply_broadcast=True)


async def test_an_edit_brings_the_usual_name_back(bot):
    channel = await room(bot)
    ts = await post(bot, channel, "hi", username="Release train", icon_emoji=":train:")
    await bot.chat_update(channel=channel, ts=ts, text="bye")
    message = await find(bot, channel, ts)
    assert message["user"] == "U01DEPLOY"
    assert "username" not in message and "icons" not in message and "subtype" not in message


async def test_people_change_their_own_messages(ada, bot, cleo):
    ts = await post(ada, "C01GENERAL", "mine")
    answer = await ada.chat_update(channel="C01GENERAL", ts=ts, text="still mine")
    assert answer["message"]["edited"]["user"] == "U01ADA"
    assert (await find(bot, "C01GENERAL", ts))["text"] == "still mine"
    with refused("cant_update_message") as raised:
        await cleo.chat_update(channel="C01GENERAL", ts=ts, text="hers")
    assert "U01ADA" in reasons(raised) and "U01CLEO" in reasons(raised)
    assert (await find(bot, "C01GENERAL", ts))["text"] == "still mine"


async def test_nobody_changes_what_another_posted(slack, bot, other_bot, ada):
    channel = await room(bot, "U01ADA", "U01POLL")
    ts = await post(bot, channel, "the bot's")
    for client in (other_bot, ada):
        with refused("cant_update_message"):
            await client.chat_update(channel=channel, ts=ts, text="not mine")
    # Another token of the same app's bot.
    await slack("fake-token").chat_update(channel=channel, ts=ts, text="by the other token")
    assert (await find(ada, channel, ts))["text"] == "by the other token"
    hers = await post(ada, channel, "hers")
    with refused("cant_update_message"):
        await bot.chat_update(channel=channel, ts=hers, text="not mine")


async def test_updates_that_are_refused_change_nothing(bot, other_bot):
    channel = await room(bot)
    ts = await post(bot, channel, "old", attachments=[{"text": "part"}])
    elsewhere = await room(bot)
    private = await room(other_bot, is_private=True)
    secret = await post(other_bot, private, "secret")
    dm = (await bot.chat_postMessage(channel="U01ADA", text="dm"))["ts"]
    cases = [
        ("message_not_found", {"channel": channel, "ts": "1234567890.000100", "text": "x"}),
        ("message_not_found", {"channel": channel, "ts": "yesterday", "text": "x"}),
        ("message_not_found", {"channel": elsewhere, "ts": ts, "text": "x"}),
        ("channel_not_found", {"channel": "C0NOWHERE", "ts": ts, "text": "x"}),
        ("channel_not_found", {"channel": private, "ts": secret, "text": "x"}),
        ("channel_not_found", {"channel": "general", "ts": ts, "text": "x"}),
        ("channel_not_found", {"channel": "U01ADA", "ts": dm, "text": "x"}),
        ("no_text", {"channel": channel, "ts": ts, "text": ""}),
        ("msg_too_long", {"channel": channel, "ts": ts, "text": "a" * 4001}),
        ("msg_too_long", {"channel": channel, "ts": ts, "markdown_text": "a" * 12_001}),
        ("markdown_text_conflict", {"channel": channel, "ts": ts, "markdown_text": "a", "blocks": BLOCKS}),
        ("invalid_blocks_format", {"channel": channel, "ts": ts, "text": "x", "blocks": "no JSON"}),
        ("invalid_blocks", {"channel": channel, "ts": ts, "text": "x", "blocks": [{"type": "nothing"}]}),
        ("invalid_attachments", {"channel": channel, "ts": ts, "attachments": '{"text":"x"}'}),
        ("too_many_attachments", {"channel": channel, "ts": ts, "attachments": [{"text": "x"}] * 101}),
        ("invalid_metadata_format", {"channel": channel, "ts": ts, "text": "x", "metadata": "no JSON"}),
        ("invalid_metadata_schema", {"channel": channel, "ts": ts, "text": "x", "metadata": {"event_type": "x"}}),
        ("invalid_arguments", {"channel": channel, "ts": ts, "text": "x", "as_user": False}),
        ("invalid_arguments", {"channel": channel, "ts": "", "text": "x"}),
        ("invalid_arguments", {"channel": "", "ts": ts, "text": "x"}),
    ]
    for code, call in cases:
        with refused(code):
            await bot.chat_update(**call)
    message = await find(bot, channel, ts)
    assert (message["text"], len(message["attachments"])) == ("old", 1)
    assert "edited" not in message
    await bot.chat_update(channel=channel, ts=ts, text="a" * 4000)
    await bot.conversations_archive(channel=channel)
    with refused("is_inactive"):
        await bot.chat_update(channel=channel, ts=ts, text="x")


async def test_nothing_may_be_left_over(bot):
    channel = await room(bot)
    answer = await bot.chat_postMessage(channel=channel, attachments=[{"text": "all there is"}], text="")
    with refused("no_text"):
        await bot.chat_update(channel=channel, ts=answer["ts"], attachments=[])
    assert len((await find(bot, channel, answer["ts"]))["attachments"]) == 1


async def test_a_hint_where_a_name_was_given(bot):
    with refused("channel_not_found") as raised:
        await bot.chat_update(channel="#general", ts="1234567890.000100", text="x")
    assert "C01GENERAL" in reasons(raised)
