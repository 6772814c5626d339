"""Reactions, pins, topics, messages for later and the rest around messages."""

import time

from world import fresh, history, post, refused, room


async def test_reactions(bot, ben):
    place = await room(bot, "U01BEN")
    ts = await post(bot, place)
    await bot.reactions_add(channel=place, timestamp=ts, name="eyes")
    await ben.reactions_add(channel=place, timestamp=ts, name="eyes")
    with refused("already_reacted"):
        await bot.reactions_add(channel=place, timestamp=ts, name="eyes")
    expected = [{"name": "eyes", "users": ["U01DEPLOY", "U01BEN"], "count": 2}]
    got = await bot.reactions_get(channel=place, timestamp=ts, full=True)
    assert (got["type"], got["channel"], got["message"]["reactions"]) == ("message", place, expected)
    assert (await history(bot, place))[0]["reactions"] == expected
    listed = await ben.reactions_list(limit=1)
    assert listed["items"][0]["message"]["ts"] == ts
    await ben.reactions_remove(channel=place, timestamp=ts, name="eyes")
    with refused("no_reaction"):
        await ben.reactions_remove(channel=place, timestamp=ts, name="eyes")


async def test_pins(bot):
    place = await room(bot)
    ts = await post(bot, place, "remember this")
    await bot.pins_add(channel=place, timestamp=ts)
    with refused("already_pinned"):
        await bot.pins_add(channel=place, timestamp=ts)
    items = (await bot.pins_list(channel=place))["items"]
    assert [(item["created_by"], item["message"]["text"]) for item in items] == [("U01DEPLOY", "remember this")]
    assert (await history(bot, place))[0]["pinned_to"] == [place]
    await bot.pins_remove(channel=place, timestamp=ts)
    assert (await bot.pins_list(channel=place))["items"] == []


async def test_topic_purpose_name_and_mark(bot):
    place = await room(bot)
    channel = (await bot.conversations_setTopic(channel=place, topic="tea"))["channel"]
    assert (channel["topic"]["value"], channel["topic"]["creator"]) == ("tea", "U01DEPLOY")
    assert (await bot.conversations_setPurpose(channel=place, purpose="talk"))["purpose"] == "talk"
    name = fresh("renamed")
    channel = (await bot.conversations_rename(channel=place, name=name))["channel"]
    assert channel["name"] == name and len(channel["previous_names"]) == 1
    subtypes = [message["subtype"] for message in (await bot.conversations_history(channel=place))["messages"]]
    assert subtypes == ["channel_name", "channel_purpose", "channel_topic"]
    ts = await post(bot, place)
    await bot.conversations_mark(channel=place, ts=ts)
    assert (await bot.conversations_info(channel=place))["channel"]["last_read"] == ts


async def test_messages_for_later(bot):
    place = await room(bot)
    post_at = int(time.time()) + 3600
    made = await bot.chat_scheduleMessage(channel=place, text="later", post_at=post_at)
    assert (made["channel"], made["post_at"], made["message"]["text"]) == (place, post_at, "later")
    waiting = (await bot.chat_scheduledMessages_list(channel=place))["scheduled_messages"]
    assert [(it["id"], it["text"]) for it in waiting] == [(made["scheduled_message_id"], "later")]
    scheduled = {"channel": place, "scheduled_message_id": made["scheduled_message_id"]}
    await bot.chat_deleteScheduledMessage(**scheduled)
    with refused("invalid_scheduled_message_id"):
        await bot.chat_deleteScheduledMessage(**scheduled)
    with refused("time_in_past"):
        await bot.chat_scheduleMessage(channel=place, text="before", post_at=1)


async def test_presence_profile_and_user_groups(bot):
    assert (await bot.users_getPresence(user="U01CLEO"))["presence"] == "active"
    assert (await bot.users_profile_get(user="U01ADA"))["profile"]["real_name"] == "Ada Lovelace"
    assert isinstance((await bot.usergroups_list(include_users=True))["usergroups"], list)
    with refused("no_such_subteam"):
        await bot.usergroups_users_list(usergroup="S0NOBODY")
