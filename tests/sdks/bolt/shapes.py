"""What the two Python bots show: a poll, a modal, an ephemeral message."""


def plain(text):
    return {"type": "plain_text", "text": text}


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(text, action_id, value=None):
    shown = {"type": "button", "text": plain(text), "action_id": action_id}
    return shown if value is None else {**shown, "value": value}


def tally(votes):
    chosen = list(votes.values())
    return f"tea {chosen.count('tea')}, coffee {chosen.count('coffee')}"


def poll(asked, votes):
    buttons = [button("Tea", "vote_tea", "tea"), button("Coffee", "vote_coffee", "coffee"), button("Close", "close_poll")]
    return [section(f"*{asked}*"), section(tally(votes)), {"type": "actions", "block_id": "poll", "elements": buttons}]


def question(message):
    """What a poll that was pressed asks."""
    return message["blocks"][0]["text"]["text"].strip("*")


def closed_poll(asked, votes):
    return [section(f"*{asked}* is closed: {tally(votes)}")]


def note(text, *buttons):
    return [section(text), {"type": "actions", "block_id": "note", "elements": list(buttons)}]


REPLACE = button("Replace", "replace_note")
REMOVE = button("Remove", "remove_note")

TEAMS = ["Search", "Storage", "Streams"]


def options(typed):
    found = [team for team in TEAMS if team.lower().startswith(typed.lower())]
    return [{"text": plain(team), "value": team.lower()} for team in found]


def feedback(channel):
    name = {"type": "plain_text_input", "action_id": "typed"}
    team = {"type": "external_select", "action_id": "chosen_team", "min_query_length": 0}
    return {
        "type": "modal", "callback_id": "feedback", "private_metadata": channel,
        "title": plain("Feedback"), "submit": plain("Send"), "close": plain("Cancel"),
        "blocks": [
            {"type": "input", "block_id": "words", "label": plain("What is it?"), "element": name},
            {"type": "input", "block_id": "team", "label": plain("For whom?"), "element": team},
        ],
    }


def filled_in(view):
    """What the modal holds: the words and the team."""
    values = view["state"]["values"]
    return values["words"]["typed"]["value"], values["team"]["chosen_team"]["selected_option"]["value"]


def words_after_mention(text):
    return text.split(">", 1)[-1].strip()
