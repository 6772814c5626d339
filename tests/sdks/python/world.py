"""The server under test: its address, the ids and secrets of its declared world, and what every test needs."""

import contextlib
import inspect
import json
import os
import urllib.request
import uuid

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

URL = os.environ.get("REDRAFT_TEST_URL", "").rstrip("/")
TEAM = "T01ACME"
TENANT = "11111111-1111-4111-8111-111111111111"
CONTROL_TOKEN = "control-of-tests"


class Client:
    """Both clients with one face: every call is awaited, every walk over pages is an `async for`."""

    def __init__(self, flavour, token, **options):
        assert URL, "REDRAFT_TEST_URL names no server; run these tests with `cargo test --test sdks`"
        kind = {"sync": WebClient, "async": AsyncWebClient}[flavour]
        self.inner = kind(token, base_url=f"{URL}/api/", **options)

    def __getattr__(self, name):
        method = getattr(self.inner, name)

        async def call(*args, **kwargs):
            answer = method(*args, **kwargs)
            return await answer if inspect.isawaitable(answer) else answer

        return call


async def pages(response):
    """The pages from this one on, fetched by the SDK's own iterator. Ends a walk that would not end by itself."""
    count = 0
    if hasattr(response, "__aiter__"):
        async for page in response:
            count += 1
            assert count < 1000, "the walk does not end"
            yield page
    else:
        for page in response:
            count += 1
            assert count < 1000, "the walk does not end"
            yield page


async def gather(response, member):
    """All items of a paged answer, and how many pages there were."""
    items, count = [], 0
    async for page in pages(response):
        items += page[member]
        count += 1
    return items, count


@contextlib.contextmanager
def refused(code):
    """The call inside is refused with this code. Gives the error, whose `response` holds the answer."""
    with pytest.raises(SlackApiError) as raised:
        yield raised
    answer = raised.value.response
    assert answer["ok"] is False
    assert answer["error"] == code, answer.data
    assert answer.status_code == 200


def reasons(raised):
    """What the refusal says to people."""
    return " ".join(raised.value.response.get("response_metadata", {}).get("messages", []))


def fresh(prefix="t"):
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


async def room(client, *users, **options):
    """A new channel of this client with these users in it; gives its id."""
    channel = (await client.conversations_create(name=fresh("room"), **options))["channel"]["id"]
    if users:
        await client.conversations_invite(channel=channel, users=list(users))
    return channel


async def history(client, channel, **options):
    """The channel line, newest first, with all metadata; without what the platform itself writes."""
    answer = await client.conversations_history(channel=channel, include_all_metadata=True, **options)
    return [message for message in answer["messages"] if not message.get("subtype", "").startswith("channel_")]


async def replies(client, channel, ts, **options):
    """A thread, its root first, with all metadata."""
    answer = await client.conversations_replies(channel=channel, ts=ts, include_all_metadata=True, **options)
    return answer["messages"]


async def find(client, channel, ts):
    """The one message with this ts, as Slack's guide fetches it."""
    messages = await history(client, channel, latest=ts, inclusive=True, limit=1)
    return next((message for message in messages if message["ts"] == ts), None)


async def post(client, channel, text="hello", **options):
    """Posts and gives the ts."""
    return (await client.chat_postMessage(channel=channel, text=text, **options))["ts"]


def control(verb, path, body=None):
    """A call of the server's control API; gives the answer."""
    request = urllib.request.Request(f"{URL}/control/workspaces/{TEAM}/{path}", method=verb)
    request.add_header("Authorization", f"Bearer {CONTROL_TOKEN}")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data) as answer:
        return json.loads(answer.read())


def new_token(**options):
    """A token made for one test."""
    return control("POST", "tokens", {"app": "deploybot", **options})["token"]
