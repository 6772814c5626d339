import pathlib

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

import bot
from redraft import Redraft


@pytest.fixture
def redraft():
    server = Redraft(pathlib.Path(__file__).with_name("seed.yaml"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def pollbot(redraft):
    app = bot.make(WebClient("xoxb-pollbot", base_url=f"{redraft.url}/api/"))
    handler = SocketModeHandler(app, "xapp-pollbot")
    handler.connect()
    yield
    handler.close()


def ask(redraft):
    redraft.act("ben", "commands", channel="general", command="/poll Lunch? | Soup | Salad")
    return redraft.wait(channel="general", contains="Lunch?")


def press(redraft, person, message, button):
    redraft.act(person, "actions", channel="general", ts=message["ts"], action=button)


def test_votes_are_counted(redraft):
    poll = ask(redraft)
    press(redraft, "ann", poll, "Soup")
    redraft.wait(channel="general", ts=poll["ts"], text="Lunch? Soup: 1 Salad: 0")
    press(redraft, "ben", poll, "Salad")
    redraft.wait(channel="general", ts=poll["ts"], text="Lunch? Soup: 1 Salad: 1")


def test_a_closed_poll_has_no_buttons(redraft):
    poll = ask(redraft)
    press(redraft, "ben", poll, "Close")
    closed = redraft.wait(channel="general", ts=poll["ts"], contains="(closed)")
    assert not closed["blocks"]


def test_people_are_reminded_after_an_hour(redraft):
    ask(redraft)
    redraft.advance(3600)
    redraft.wait(channel="general", text="Have you voted? Lunch?")
