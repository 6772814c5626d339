"""`users.*`, `bots.info`, `team.info`."""

from world import TEAM, URL, gather, new_token, refused

EVERYONE = {"U01ADA", "U01BEN", "U01CLEO", "U01DEPLOY", "U01POLL"}


async def test_users_list_in_one_go_and_by_pages(bot):
    whole = await bot.users_list()
    assert whole["response_metadata"]["next_cursor"] == ""
    assert EVERYONE <= {user["id"] for user in whole["members"]}
    users, count = await gather(await bot.users_list(limit=2), "members")
    assert [user["id"] for user in users] == [user["id"] for user in whole["members"]]
    assert count == (len(users) + 1) // 2


async def test_users_info_of_a_person_and_of_a_bot(bot):
    ada = (await bot.users_info(user="U01ADA", include_locale=True))["user"]
    assert (ada["id"], ada["name"], ada["real_name"], ada["team_id"]) == ("U01ADA", "ada", "Ada Lovelace", TEAM)
    assert (ada["is_admin"], ada["is_bot"], ada["deleted"], ada["locale"]) == (True, False, False, "en-US")
    assert ada["profile"]["email"] == "ada@acme.example"
    assert (ada["profile"]["first_name"], ada["profile"]["last_name"]) == ("Ada", "Lovelace")
    ben = (await bot.users_info(user="U01BEN"))["user"]
    assert ben["is_admin"] is False and "locale" not in ben
    robot = (await bot.users_info(user="U01DEPLOY"))["user"]
    assert robot["is_bot"] is True
    assert (robot["profile"]["bot_id"], robot["profile"]["api_app_id"]) == ("B01DEPLOY", "A01DEPLOY")
    for nobody in ("U0NOBODY", "ada", "29:1ada"):
        with refused("user_not_found"):
            await bot.users_info(user=nobody)


async def test_mail_addresses_need_a_scope(slack):
    client = slack(new_token(scopes=["users:read"]))
    assert "email" not in (await client.users_info(user="U01ADA"))["user"]["profile"]
    with refused("missing_scope") as raised:
        await client.users_lookupByEmail(email="ada@acme.example")
    assert raised.value.response["needed"] == "users:read.email"


async def test_users_lookup_by_email(bot):
    assert (await bot.users_lookupByEmail(email="cleo@acme.example"))["user"]["id"] == "U01CLEO"
    assert (await bot.users_lookupByEmail(email="Cleo@Acme.Example"))["user"]["id"] == "U01CLEO"
    with refused("users_not_found"):
        await bot.users_lookupByEmail(email="nobody@acme.example")


async def test_users_conversations_of_oneself_and_of_others(bot, ada):
    mine, _ = await gather(await bot.users_conversations(limit=1), "channels")
    assert {"C01GENERAL", "C01RANDOM"} <= {channel["id"] for channel in mine}
    assert not any("num_members" in channel or "is_member" in channel for channel in mine)
    types = "public_channel,private_channel"
    hers, _ = await gather(await ada.users_conversations(types=types), "channels")
    assert {"C01GENERAL", "C01LEADS"} <= {channel["id"] for channel in hers}
    # The bot is not in the private channel, so it does not learn who is.
    seen, _ = await gather(await bot.users_conversations(user="U01ADA", types=types), "channels")
    assert "C01GENERAL" in {channel["id"] for channel in seen}
    assert "C01LEADS" not in {channel["id"] for channel in seen}
    active, _ = await gather(await ada.users_conversations(exclude_archived=True), "channels")
    assert not any(channel["is_archived"] for channel in active)


async def test_bots_info(bot):
    found = (await bot.bots_info(bot="B01POLL"))["bot"]
    assert (found["id"], found["name"], found["deleted"]) == ("B01POLL", "pollbot", False)
    assert (found["app_id"], found["user_id"]) == ("A01POLL", "U01POLL")
    assert set(found["icons"]) == {"image_36", "image_48", "image_72"}
    with refused("bot_not_found"):
        await bot.bots_info(bot="U01POLL")
    with refused("missing_argument"):
        await bot.bots_info()


async def test_team_info(bot):
    team = (await bot.team_info())["team"]
    assert (team["id"], team["name"], team["domain"]) == (TEAM, "Acme", "acme")
    assert team["url"].startswith(URL)
    assert (await bot.team_info(team=TEAM))["team"] == team
    assert (await bot.team_info(domain="acme"))["team"] == team
    for other in ({"team": "T0OTHER"}, {"domain": "other"}):
        with refused("team_not_found"):
            await bot.team_info(**other)
