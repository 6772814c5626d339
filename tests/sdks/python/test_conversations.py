"""`conversations.*`: making, finding, joining, leaving, reading page by page."""

import pytest

from world import TEAM, find, fresh, gather, history, pages, post, refused, replies, room


async def members(client, channel):
    """Everyone in a conversation, two ids at a time."""
    found, _ = await gather(await client.conversations_members(channel=channel, limit=2), "members")
    return found


async def test_a_channel_is_made_and_found(bot, ada):
    name = fresh("made")
    channel = (await bot.conversations_create(name=name))["channel"]
    assert channel["id"].startswith("C") and channel["name"] == channel["name_normalized"] == name
    assert (channel["is_channel"], channel["is_private"], channel["is_archived"]) == (True, False, False)
    assert (channel["creator"], channel["is_member"], channel["is_general"]) == ("U01DEPLOY", True, False)
    assert channel["context_team_id"] == TEAM and "num_members" not in channel
    info = (await ada.conversations_info(channel=channel["id"], include_num_members=True))["channel"]
    assert (info["name"], info["num_members"], info["is_member"]) == (name, 1, False)
    with refused("name_taken"):
        await ada.conversations_create(name=name)
    general = (await bot.conversations_info(channel="C01GENERAL"))["channel"]
    assert (general["name"], general["is_general"]) == ("general", True)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("invalid_name_required", ""),
        ("invalid_name_maxlength", "a" * 81),
        ("invalid_name_punctuation", "---"),
        ("invalid_name_specials", "Upper"),
        ("invalid_name_specials", "two words"),
    ],
)
async def test_names_that_a_channel_may_not_have(bot, code, name):
    with refused(code) as raised:
        await bot.conversations_create(name=name)
    assert raised.value.response["detail"]


async def test_a_private_channel_is_hidden_from_others(bot, other_bot, ada):
    channel = await room(bot, is_private=True)
    info = (await bot.conversations_info(channel=channel))["channel"]
    assert (info["is_private"], info["is_member"]) == (True, True)
    listed, _ = await gather(await bot.conversations_list(types="private_channel", limit=1), "channels")
    assert channel in [it["id"] for it in listed] and all(it["is_private"] for it in listed)
    for stranger in (other_bot, ada):
        listed, _ = await gather(await stranger.conversations_list(types="private_channel"), "channels")
        assert channel not in [it["id"] for it in listed]
        for call in (
            stranger.conversations_info(channel=channel),
            stranger.conversations_members(channel=channel),
            stranger.conversations_history(channel=channel),
            stranger.conversations_join(channel=channel),
        ):
            with refused("channel_not_found"):
                await call


async def test_conversations_list_by_pages_and_kinds(bot, ada):
    mine = await room(bot)
    channels, count = await gather(await bot.conversations_list(limit=2), "channels")
    ids = [channel["id"] for channel in channels]
    assert {mine, "C01GENERAL", "C01RANDOM", "C01ATTIC"} <= set(ids)
    assert len(ids) == len(set(ids)) and 1 < count
    assert "C01LEADS" not in ids
    shown = {channel["id"]: channel for channel in channels}
    assert shown[mine]["num_members"] == 1 and shown[mine]["is_member"] is True
    assert shown["C01ATTIC"]["is_archived"] is True
    active, _ = await gather(await bot.conversations_list(exclude_archived=True), "channels")
    assert "C01ATTIC" not in [channel["id"] for channel in active]
    hers, _ = await gather(await ada.conversations_list(types="private_channel"), "channels")
    assert "C01LEADS" in [channel["id"] for channel in hers]
    direct = (await ada.conversations_open(users="U01CLEO"))["channel"]["id"]
    directs, _ = await gather(await ada.conversations_list(types="im,mpim"), "channels")
    assert direct in [channel["id"] for channel in directs]
    assert all(channel.get("is_im") or channel.get("is_mpim") for channel in directs)
    with refused("invalid_types"):
        await bot.conversations_list(types="public_channel,secret")


async def test_joining_and_leaving(bot, other_bot):
    channel = await room(bot)
    joined = await other_bot.conversations_join(channel=channel)
    assert joined["channel"]["id"] == channel and joined["channel"]["is_member"] is True
    assert "warning" not in joined.data
    assert await members(bot, channel) == ["U01DEPLOY", "U01POLL"]
    again = await other_bot.conversations_join(channel=channel)
    assert again["warning"] == "already_in_channel"
    assert again["response_metadata"]["warnings"] == ["already_in_channel"]
    assert (await other_bot.conversations_leave(channel=channel)).data == {"ok": True}
    assert await members(bot, channel) == ["U01DEPLOY"]
    assert (await other_bot.conversations_leave(channel=channel))["not_in_channel"] is True
    with refused("not_in_channel"):
        await other_bot.conversations_history(channel=channel)
    with refused("cant_leave_general"):
        await bot.conversations_leave(channel="C01GENERAL")
    private = await room(bot, is_private=True)
    with refused("last_member"):
        await bot.conversations_leave(channel=private)


async def test_inviting(bot):
    channel = await room(bot)
    answer = await bot.conversations_invite(channel=channel, users=["U01ADA", "U01BEN"])
    assert answer["channel"]["id"] == channel
    assert set(await members(bot, channel)) == {"U01DEPLOY", "U01ADA", "U01BEN"}
    with refused("already_in_channel") as raised:
        await bot.conversations_invite(channel=channel, users="U01CLEO,U01ADA,U0NOBODY")
    assert raised.value.response["errors"] == [
        {"user": "U01ADA", "ok": False, "error": "already_in_channel"},
        {"user": "U0NOBODY", "ok": False, "error": "user_not_found"},
    ]
    assert "U01CLEO" not in await members(bot, channel)
    answer = await bot.conversations_invite(channel=channel, users="U01CLEO,U0NOBODY", force=True)
    assert [(it["user"], it["error"]) for it in answer["errors"]] == [("U0NOBODY", "user_not_found")]
    assert "U01CLEO" in await members(bot, channel)
    for code, users in (("cant_invite_self", "U01DEPLOY"), ("user_not_found", "U0NOBODY"), ("no_user", "")):
        with refused(code):
            await bot.conversations_invite(channel=channel, users=users)


async def test_kicking(bot, other_bot, cleo):
    channel = await room(bot, "U01CLEO", "U01BEN")
    assert (await bot.conversations_kick(channel=channel, user="U01CLEO")).data == {"ok": True, "errors": {}}
    assert set(await members(bot, channel)) == {"U01DEPLOY", "U01BEN"}
    assert channel not in [it["id"] for it in (await cleo.users_conversations())["channels"]]
    for code, user in (("not_in_channel", "U01CLEO"), ("cant_kick_self", "U01DEPLOY"), ("user_not_found", "U0NO")):
        with refused(code):
            await bot.conversations_kick(channel=channel, user=user)
    with refused("cant_kick_from_general"):
        await bot.conversations_kick(channel="C01GENERAL", user="U01ADA")
    with refused("not_in_channel"):
        await other_bot.conversations_kick(channel=channel, user="U01BEN")


async def test_opening_and_closing_a_direct_message(slack, bot, ben):
    first = await bot.conversations_open(users=["U01BEN"])
    direct = first["channel"]["id"]
    assert direct.startswith("D") and set(first["channel"]) == {"id"}
    again = await bot.conversations_open(users="U01BEN", return_im=True)
    assert (again["channel"]["id"], again["no_op"], again["already_open"]) == (direct, True, True)
    assert (again["channel"]["is_im"], again["channel"]["user"]) == (True, "U01BEN")
    assert (await ben.conversations_open(users="U01DEPLOY"))["channel"]["id"] == direct
    info = (await ben.conversations_info(channel=direct))["channel"]
    assert (info["is_im"], info["user"], info["is_open"]) == (True, "U01DEPLOY", True)
    assert "name" not in info

    await post(bot, direct, "between us")
    assert (await ben.conversations_close(channel=direct)).data == {"ok": True}
    closed = await ben.conversations_close(channel=direct)
    assert (closed["no_op"], closed["already_closed"]) == (True, True)
    assert (await ben.conversations_info(channel=direct))["channel"]["is_open"] is False
    assert (await bot.conversations_info(channel=direct))["channel"]["is_open"] is True
    assert (await ben.conversations_open(channel=direct))["channel"]["id"] == direct
    assert (await ben.conversations_info(channel=direct))["channel"]["is_open"] is True
    assert (await history(ben, direct))[0]["text"] == "between us"
    with refused("channel_not_found"):
        await slack("xoxp-cleo").conversations_history(channel=direct)
    with refused("method_not_supported_for_channel_type"):
        await bot.conversations_close(channel="C01GENERAL")
    with refused("method_not_supported_for_channel_type"):
        await bot.conversations_leave(channel=direct)


async def test_opening_a_group_message(bot, ada):
    users = ["U01ADA", "U01CLEO", "U01POLL"]
    group = (await bot.conversations_open(users=users, return_im=True))["channel"]
    assert (group["is_mpim"], group["is_private"]) == (True, True)
    assert (await bot.conversations_open(users=list(reversed(users))))["channel"]["id"] == group["id"]
    assert set(await members(ada, group["id"])) == {"U01DEPLOY", *users}
    for code, options in (
        ("users_list_not_supplied", {"users": ""}),
        ("user_not_found", {"users": "U01ADA,U0NOBODY"}),
        ("channel_not_found", {"channel": "D0NOWHERE"}),
        ("channel_not_found", {"users": "U01BEN,U01CLEO,U01POLL", "prevent_creation": True}),
    ):
        with refused(code):
            await bot.conversations_open(**options)


async def test_archiving_and_unarchiving(bot, other_bot):
    channel = await room(bot)
    ts = await post(bot, channel, "kept")
    assert (await bot.conversations_archive(channel=channel)).data == {"ok": True}
    assert (await bot.conversations_info(channel=channel))["channel"]["is_archived"] is True
    assert [it["ts"] for it in await history(bot, channel)] == [ts]
    for code, call in (
        ("is_archived", bot.chat_postMessage(channel=channel, text="x")),
        ("is_archived", other_bot.conversations_join(channel=channel)),
        ("is_archived", bot.conversations_leave(channel=channel)),
        ("is_archived", bot.conversations_invite(channel=channel, users="U01ADA")),
        ("already_archived", bot.conversations_archive(channel=channel)),
    ):
        with refused(code):
            await call
    assert (await bot.conversations_unarchive(channel=channel)).data == {"ok": True}
    assert (await bot.conversations_info(channel=channel))["channel"]["is_archived"] is False
    await bot.chat_update(channel=channel, ts=ts, text="changed")
    assert (await find(bot, channel, ts))["text"] == "changed"
    with refused("not_archived"):
        await bot.conversations_unarchive(channel=channel)
    with refused("cant_archive_general"):
        await bot.conversations_archive(channel="C01GENERAL")
    with refused("not_in_channel"):
        await other_bot.conversations_archive(channel=channel)


async def test_members_by_pages(bot):
    channel = await room(bot, "U01ADA", "U01BEN", "U01CLEO", "U01POLL")
    answer = await bot.conversations_members(channel=channel, limit=2)
    assert [len(page["members"]) async for page in pages(answer)] == [2, 2, 1]
    assert set(await members(bot, channel)) == {"U01DEPLOY", "U01ADA", "U01BEN", "U01CLEO", "U01POLL"}


async def test_history_by_pages(bot):
    channel = await room(bot)
    sent = [await post(bot, channel, str(number)) for number in range(5)]
    await post(bot, channel, "in a thread", thread_ts=sent[0])
    answer = await bot.conversations_history(channel=channel, limit=2)
    assert (answer["has_more"], answer["pin_count"]) == (True, 0)
    found = [[it["ts"] for it in page["messages"]] async for page in pages(answer)]
    assert found == [[sent[4], sent[3]], [sent[2], sent[1]], [sent[0]]]
    whole = await bot.conversations_history(channel=channel)
    assert whole["has_more"] is False and "response_metadata" not in whole.data


async def test_a_walk_is_not_disturbed_by_what_happens_meanwhile(bot):
    channel = await room(bot)
    sent = [await post(bot, channel, str(number)) for number in range(6)]
    found = []
    async for page in pages(await bot.conversations_history(channel=channel, limit=2)):
        found += [it["ts"] for it in page["messages"]]
        if len(found) == 2:
            await post(bot, channel, "new")
            await bot.chat_delete(channel=channel, ts=sent[3])
            await bot.chat_delete(channel=channel, ts=sent[4])
    assert found == [sent[5], sent[4], sent[2], sent[1], sent[0]]


async def test_windows_of_history(bot):
    channel = await room(bot)
    sent = [await post(bot, channel, str(number)) for number in range(4)]

    async def window(**options):
        return [it["text"] for it in await history(bot, channel, **options)]

    assert await window(oldest=sent[1]) == ["3", "2"]
    assert await window(oldest=sent[1], inclusive=True) == ["3", "2", "1"]
    assert await window(latest=sent[2]) == ["1", "0"]
    assert await window(latest=sent[2], oldest=sent[0], inclusive=True) == ["2", "1", "0"]
    assert await window(latest=sent[2], inclusive=True, limit=1) == ["2"]
    assert (await bot.conversations_history(channel=channel, latest=sent[2]))["latest"] == sent[2]
    for code, bound in (("invalid_ts_latest", "latest"), ("invalid_ts_oldest", "oldest")):
        with refused(code):
            await bot.conversations_history(channel=channel, **{bound: "noon"})


async def test_replies_by_pages(bot):
    channel = await room(bot)
    root = await post(bot, channel, "root")
    sent = [await post(bot, channel, str(number), thread_ts=root) for number in range(5)]
    seen, count = [], 0
    async for page in pages(await bot.conversations_replies(channel=channel, ts=root, limit=3)):
        assert page["messages"][0]["ts"] == root and page["messages"][0]["reply_count"] == 5
        seen += [it["ts"] for it in page["messages"][1:]]
        count += 1
    assert seen == sent and count == 3
    assert [it["ts"] for it in await replies(bot, channel, root)] == [root, *sent]
    # A reply's own ts gives that reply; a message without replies gives itself.
    assert [it["ts"] for it in await replies(bot, channel, sent[1])] == [sent[1]]
    alone = await post(bot, channel, "alone")
    assert [it["text"] for it in await replies(bot, channel, alone)] == ["alone"]
    window = await replies(bot, channel, root, oldest=sent[1], latest=sent[3])
    assert [it["ts"] for it in window] == [root, sent[2]]
    with refused("thread_not_found"):
        await bot.conversations_replies(channel=channel, ts="1234567890.000100")


async def test_who_may_read_what(bot, other_bot, ada):
    channel = await room(bot)
    ts = await post(bot, channel, "readable")
    assert [it["ts"] for it in await history(ada, channel)] == [ts]
    for call in (
        other_bot.conversations_history(channel=channel), other_bot.conversations_replies(channel=channel, ts=ts),
    ):
        with refused("not_in_channel"):
            await call
    assert (await ada.conversations_history(channel="C01LEADS"))["ok"]
    with refused("channel_not_found"):
        await bot.conversations_history(channel="C01LEADS")
