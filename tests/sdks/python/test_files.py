"""Files by the SDK's own upload, in one call: announced, sent, completed and shared."""

import urllib.request

from world import find, post, refused, room


async def uploaded(client, channel, **options):
    """The file, and the message that shares it."""
    answer = await client.files_upload_v2(channel=channel, **options)
    file = answer["files"][0]
    info = (await client.files_info(file=file["id"]))["file"]
    (share,) = info["shares"]["public"][channel]
    return file, await find(client, channel, share["ts"])


async def test_a_file_is_uploaded_in_one_call(bot):
    channel = await room(bot)
    options = {"content": "a,b\n1,2\n", "filename": "table.csv", "title": "A table", "initial_comment": "see *this*"}
    file, message = await uploaded(bot, channel, **options)
    assert (message["subtype"], message["text"], message["user"]) == ("file_share", "see *this*", "U01DEPLOY")
    (shown,) = message["files"]
    assert (shown["id"], shown["title"], shown["size"]) == (file["id"], "A table", 8)
    assert (shown["mimetype"], shown["filetype"]) == ("text/csv", "csv")
    request = urllib.request.Request(shown["url_private"], headers={"Authorization": f"Bearer {bot.inner.token}"})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == b"a,b\n1,2\n"


async def test_several_files_in_one_message(bot):
    channel = await room(bot)
    files = [{"content": "1", "filename": "one.txt"}, {"content": "22", "filename": "two.txt", "alt_txt": "two twos"}]
    answer = await bot.files_upload_v2(channel=channel, file_uploads=files)
    assert sorted(file["size"] for file in answer["files"]) == [1, 2]
    info = (await bot.files_info(file=answer["files"][0]["id"]))["file"]
    message = await find(bot, channel, info["shares"]["public"][channel][0]["ts"])
    assert [file["name"] for file in message["files"]] == ["one.txt", "two.txt"]


async def test_an_update_takes_a_file_away_and_brings_one(bot):
    channel = await room(bot)
    file, message = await uploaded(bot, channel, content="x", filename="x.txt")
    ts = await post(bot, channel, "without")
    answer = await bot.chat_update(channel=channel, ts=ts, text="with", file_ids=[file["id"]])
    assert [it["id"] for it in answer["message"]["files"]] == [file["id"]]
    await bot.chat_update(channel=channel, ts=message["ts"], text="taken away", file_ids=[])
    assert "files" not in await find(bot, channel, message["ts"])
    assert [it["id"] for it in (await find(bot, channel, ts))["files"]] == [file["id"]]


async def test_a_deleted_file_leaves_a_tombstone(bot, other_bot):
    channel = await room(bot)
    file, message = await uploaded(bot, channel, content="x", filename="x.txt")
    with refused("cant_delete_file"):
        await other_bot.files_delete(file=file["id"])
    await bot.files_delete(file=file["id"])
    assert (await find(bot, channel, message["ts"]))["files"] == [{"id": file["id"], "mode": "tombstone"}]
    with refused("file_deleted"):
        await bot.files_info(file=file["id"])
