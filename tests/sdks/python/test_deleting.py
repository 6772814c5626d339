"""`chat.delete`: messages disappear, parents leave tombstones, and threads are counted anew."""

from world import find, history, post, reasons, refused, replies, room

TEXT = "This message was deleted."


def tombstone(ts, **thread):
    """A tombstone, every member of it."""
    return {
        "type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": TEXT, "ts": ts, "thread_ts": ts,
        "parent_user_id": "USLACKBOT", "hidden": True, "is_locked": False, "subscribed": False, **thread,
    }


async def test_a_message_disappears(bot, ada):
    channel = await room(bot, "U01ADA")
    kept, ts = await post(bot, channel, "kept"), await post(bot, channel, "gone")
    answer = await bot.chat_delete(channel=channel, ts=ts)
    assert answer.data == {"ok": True, "channel": channel, "ts": ts}
    for reader in (bot, ada):
        assert [it["ts"] for it in await history(reader, channel)] == [kept]
        with refused("thread_not_found"):
            await reader.conversations_replies(channel=channel, ts=ts)
        with refused("message_not_found"):
            await reader.chat_getPermalink(channel=channel, message_ts=ts)
    with refused("message_not_found"):
        await bot.chat_delete(channel=channel, ts=ts)
    with refused("message_not_found"):
        await bot.chat_update(channel=channel, ts=ts, text="back again")


async def test_a_parent_leaves_a_tombstone(bot, ada):
    channel = await room(bot, "U01ADA")
    blocks, metadata = [{"type": "divider"}], {"event_type": "e", "event_payload": {}}
    root = await post(bot, channel, "root", blocks=blocks, attachments=[{"text": "part"}], metadata=metadata)
    first = await post(ada, channel, "first", thread_ts=root)
    await bot.chat_update(channel=channel, ts=root, text="root, edited")
    second = await post(bot, channel, "second", thread_ts=root)
    later = await post(bot, channel, "later")
    assert (await bot.chat_delete(channel=channel, ts=root)).data == {"ok": True, "channel": channel, "ts": root}

    thread = {"reply_count": 2, "reply_users_count": 2, "latest_reply": second, "reply_users": ["U01ADA", "U01DEPLOY"]}
    for reader in (bot, ada):
        line = await history(reader, channel)
        assert [it["ts"] for it in line] == [later, root]
        assert line[1] == tombstone(root, **thread)
        stone, *rest = await replies(reader, channel, root)
        assert stone == tombstone(root, **thread)
        assert [(it["ts"], it["text"], it["thread_ts"]) for it in rest] == [
            (first, "first", root), (second, "second", root),
        ]
        assert {it["parent_user_id"] for it in rest} == {"USLACKBOT"}

    with refused("cant_delete_message"):
        await bot.chat_delete(channel=channel, ts=root)
    with refused("cant_update_message"):
        await bot.chat_update(channel=channel, ts=root, text="alive")
    assert (await bot.chat_getPermalink(channel=channel, message_ts=root))["permalink"]
    # The thread goes on.
    third = await post(bot, channel, "third", thread_ts=root)
    thread = {"reply_count": 3, "reply_users_count": 2, "latest_reply": third, "reply_users": ["U01ADA", "U01DEPLOY"]}
    assert (await find(bot, channel, root)) == tombstone(root, **thread)


async def test_the_last_reply_takes_the_tombstone_with_it(bot):
    channel = await room(bot)
    root = await post(bot, channel, "root")
    ours = [await post(bot, channel, f"reply {number}", thread_ts=root) for number in range(2)]
    await bot.chat_delete(channel=channel, ts=root)
    await bot.chat_delete(channel=channel, ts=ours[1])
    left = {"reply_count": 1, "reply_users_count": 1, "latest_reply": ours[0], "reply_users": ["U01DEPLOY"]}
    assert await history(bot, channel) == [tombstone(root, **left)]
    await bot.chat_delete(channel=channel, ts=ours[0])
    assert await history(bot, channel) == []
    with refused("thread_not_found"):
        await bot.conversations_replies(channel=channel, ts=root)
    with refused("message_not_found"):
        await bot.chat_delete(channel=channel, ts=root)
    # Whoever still answers to it posts to the channel.
    late = await bot.chat_postMessage(channel=channel, text="late", thread_ts=root)
    assert "thread_ts" not in late["message"]


async def test_a_living_parent_is_counted_anew(bot, ada):
    channel = await room(bot, "U01ADA")
    root = await post(bot, channel, "root")
    first = await post(bot, channel, "first", thread_ts=root)
    second = await post(ada, channel, "second", thread_ts=root)
    await ada.chat_delete(channel=channel, ts=second)
    parent = await find(bot, channel, root)
    assert (parent["reply_count"], parent["reply_users_count"], parent["latest_reply"]) == (1, 1, first)
    assert parent["reply_users"] == ["U01DEPLOY"]
    await bot.chat_delete(channel=channel, ts=first)
    parent = await find(bot, channel, root)
    assert parent["text"] == "root"
    assert not [name for name in parent if name.startswith("reply") or name in ("latest_reply", "thread_ts")]
    assert [it["ts"] for it in await replies(bot, channel, root)] == [root]


async def test_a_broadcast_reply_goes_from_both_places(bot):
    channel = await room(bot)
    root = await post(bot, channel, "root")
    reply = await post(bot, channel, "reply", thread_ts=root, reply_broadcast=True)
    await post(bot, channel, "other", thread_ts=root)
    assert len(await history(bot, channel)) == 2
    await bot.chat_delete(channel=channel, ts=reply)
    assert [it["ts"] for it in await history(bot, channel)] == [root]
    assert [it["text"] for it in await replies(bot, channel, root)] == ["root", "other"]


async def test_a_broadcast_is_taken_back_and_the_reply_stays(bot):
    channel = await room(bot)
    root = await post(bot, channel, "root")
    reply = await post(bot, channel, "reply", thread_ts=root, reply_broadcast=True)
    await bot.chat_delete(channel=channel, ts=reply, broadcast_delete=True)
    assert [it["ts"] for it in await history(bot, channel)] == [root]
    assert [it["text"] for it in await replies(bot, channel, root)] == ["root", "reply"]


async def test_who_may_delete_what(bot, other_bot, ada, ben, cleo):
    channel = await room(bot, "U01ADA", "U01BEN", "U01CLEO", "U01POLL")
    of_bot, of_cleo = await post(bot, channel, "bot's"), await post(cleo, channel, "cleo's")
    for client, ts in ((other_bot, of_bot), (cleo, of_bot), (bot, of_cleo), (ben, of_cleo), (other_bot, of_cleo)):
        with refused("cant_delete_message") as raised:
            await client.chat_delete(channel=channel, ts=ts)
        assert "posted" in reasons(raised)
    assert len(await history(bot, channel)) == 2
    await cleo.chat_delete(channel=channel, ts=of_cleo)
    await ben.chat_delete(channel=channel, ts=of_bot)
    assert await history(bot, channel) == []
    again = [await post(bot, channel, "bot's"), await post(cleo, channel, "cleo's")]
    for ts in again:
        await ada.chat_delete(channel=channel, ts=ts)
    assert await history(bot, channel) == []


async def test_deletions_that_are_refused_delete_nothing(bot, other_bot):
    channel = await room(bot)
    elsewhere = await room(bot)
    private = await room(other_bot, is_private=True)
    ts = await post(bot, channel, "stays")
    secret = await post(other_bot, private, "secret")
    cases = [
        ("message_not_found", {"channel": channel, "ts": "1234567890.000100"}),
        ("message_not_found", {"channel": elsewhere, "ts": ts}),
        ("channel_not_found", {"channel": "C0NOWHERE", "ts": ts}),
        ("channel_not_found", {"channel": "general", "ts": ts}),
        ("channel_not_found", {"channel": private, "ts": secret}),
        ("invalid_arguments", {"channel": channel, "ts": ""}),
        ("invalid_arguments", {"channel": "", "ts": ts}),
    ]
    for code, call in cases:
        with refused(code):
            await bot.chat_delete(**call)
    assert [it["ts"] for it in await history(bot, channel)] == [ts]
    await bot.conversations_archive(channel=channel)
    with refused("cant_delete_message"):
        await bot.chat_delete(channel=channel, ts=ts)
    await bot.conversations_unarchive(channel=channel)
    await bot.chat_delete(channel=channel, ts=ts)


async def test_a_direct_message_is_deleted_by_the_persons_id(bot, ada):
    answer = await bot.chat_postMessage(channel="U01ADA", text="between us")
    await bot.chat_delete(channel="U01ADA", ts=answer["ts"])
    assert await find(ada, answer["channel"], answer["ts"]) is None
