use super::super::card::{Name, actions, actions_of_card, find};
use super::*;
use proptest::prelude::*;

fn message(content_type: &str, content: Value) -> Map<String, Value> {
    let activity = json!({"attachments": [{"contentType": content_type, "content": content}]});
    activity.as_object().unwrap().clone()
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Presses the only action of a card with two inputs.
fn pressed(action: Value, given: Value) -> Result<Press, String> {
    let card = json!({"type": "AdaptiveCard", "actions": [action], "body": [
        {"type": "Input.Text", "id": "name", "value": "Ana"},
        {"type": "Input.Text", "id": "note"}]});
    let activity = message("application/vnd.microsoft.card.adaptive", card);
    let found = actions(&activity);
    press(&found[0], &map(given)).map_err(|fault| fault.message)
}

/// Presses a hero card's button.
fn button(button: Value) -> Result<Press, String> {
    let activity = message("application/vnd.microsoft.card.hero", json!({"buttons": [button]}));
    press(&actions(&activity)[0], &Map::new()).map_err(|fault| fault.message)
}

fn said(value: Value) -> Result<Press, String> {
    Ok(Press::Message { text: None, value: Some(value), display_text: None })
}

fn asked(name: Option<&'static str>, value: Value) -> Result<Press, String> {
    Ok(Press::Invoke { name, value })
}

#[test]
fn submitting() {
    let submit = |data: Value| json!({"type": "Action.Submit", "title": "Go", "data": data});
    for (data, given, wanted) in [
        (json!({"a": 1, "name": "x"}), json!({"note": "n"}), json!({"a": 1, "name": "Ana", "note": "n"})),
        (json!({"a": 1}), json!({"name": ""}), json!({"a": 1})),
        (Value::Null, json!({}), json!({"name": "Ana"})),
        (json!("text"), json!({}), json!({"name": "Ana"})),
        (json!([1]), json!({}), json!({"name": "Ana"})),
        (
            json!({"msteams": {"type": "else"}}),
            json!({}),
            json!({"msteams": {"type": "else"}, "name": "Ana"}),
        ),
        (json!({"msteams": {}}), json!({}), json!({"msteams": {}, "name": "Ana"})),
    ] {
        assert_eq!(pressed(submit(data.clone()), given), said(wanted), "{data}");
    }
    let alone = json!({"type": "Action.Submit", "associatedInputs": "None", "data": {"a": 1}});
    assert_eq!(pressed(alone, json!({"note": "n"})), said(json!({"a": 1})));
    let refused = pressed(submit(json!({})), json!({"nome": "x"})).unwrap_err();
    assert_eq!(refused, "there is no input 'nome'; there is 'name', 'note'");
    let disabled = json!({"type": "Action.Submit", "title": "Go", "isEnabled": false});
    let words = pressed(disabled, json!({})).unwrap_err();
    assert_eq!(words, "the action 0: Action.Submit title 'Go' (disabled) is disabled");
}

#[test]
fn submitting_as_teams_extends_it() {
    let submit =
        |msteams: Value| json!({"type": "Action.Submit", "data": {"msteams": msteams, "k": "data", "o": 1}});
    let back = |text: Option<&str>, value: Value, shown: Option<&str>| {
        let (text, display_text) = (text.map(str::to_owned), shown.map(str::to_owned));
        Ok(Press::Message { text, value: Some(value), display_text })
    };
    for (msteams, wanted) in [
        (
            json!({"type": "messageBack", "text": "t", "displayText": "d", "value": "{\"k\": \"value\", \"name\": 0}"}),
            back(Some("t"), json!({"k": "value", "o": 1, "name": "Ana"}), Some("d")),
        ),
        (
            json!({"type": "messageBack", "value": {"v": 2}}),
            back(None, json!({"k": "data", "o": 1, "v": 2, "name": "Ana"}), None),
        ),
        (json!({"type": "messageBack"}), back(None, json!({"k": "data", "o": 1, "name": "Ana"}), None)),
        (json!({"type": "imBack", "value": "hello"}), Ok(Press::Post { text: "hello".into() })),
        (
            json!({"type": "task/fetch"}),
            asked(
                Some("task/fetch"),
                json!({"data": {"msteams": {"type": "task/fetch"}, "k": "data", "o": 1, "name": "Ana"},
                       "context": {"theme": "default"}}),
            ),
        ),
        (json!({"type": "invoke", "value": {"v": 2}}), asked(None, json!({"v": 2, "name": "Ana"}))),
        (
            json!({"type": "invoke", "value": {"type": "task/fetch"}}),
            asked(
                Some("task/fetch"),
                json!({"data": {"type": "task/fetch", "name": "Ana"}, "context": {"theme": "default"}}),
            ),
        ),
    ] {
        assert_eq!(pressed(submit(msteams.clone()), json!({})), wanted, "{msteams}");
    }
    let bare = json!({"type": "Action.Submit", "associatedInputs": "none", "data": {"msteams": {"type": "messageBack", "value": "plain"}}});
    assert_eq!(pressed(bare, json!({})), back(None, json!("plain"), None));
    let empty = json!({"type": "Action.Submit", "associatedInputs": "none", "data": {"msteams": {"type": "messageBack", "text": "t"}}});
    let silent = Press::Message { text: Some("t".into()), value: None, display_text: None };
    assert_eq!(pressed(empty, json!({})), Ok(silent));
    assert!(pressed(submit(json!({"type": "imBack"})), json!({})).unwrap_err().contains("no value to say"));
    let signin = pressed(submit(json!({"type": "signin", "value": "https://x/"})), json!({}));
    assert!(signin.unwrap_err().contains("not supported"));
}

#[test]
fn executing() {
    let action = json!({"type": "Action.Execute", "id": "i", "verb": "v", "title": "T", "data": {"a": 1}});
    let wanted = json!({"action": {"type": "Action.Execute", "id": "i", "verb": "v", "data": {"a": 1, "name": "Ana"}},
                        "trigger": "manual"});
    assert_eq!(pressed(action, json!({})), asked(Some("adaptiveCard/action"), wanted));
    let wanted = json!({"action": {"type": "Action.Execute", "data": {"name": "Ana"}}, "trigger": "manual"});
    let bare = json!({"type": "Action.Execute", "data": "text"});
    assert_eq!(pressed(bare, json!({})), asked(Some("adaptiveCard/action"), wanted));
}

#[test]
fn what_stays_in_the_client() {
    let open = json!({"type": "Action.OpenUrl", "url": "https://x/"});
    assert_eq!(pressed(open, json!({})), Ok(Press::Open { url: "https://x/".into() }));
    assert!(pressed(json!({"type": "Action.OpenUrl"}), json!({})).unwrap_err().contains("no address"));
    assert_eq!(pressed(json!({"type": "Action.ToggleVisibility"}), json!({})), Ok(Press::Nothing));
    assert_eq!(pressed(json!({"type": "Action.ShowCard"}), json!({})), Ok(Press::Nothing));
    assert!(pressed(json!({"type": "Action.Http"}), json!({})).unwrap_err().contains("not supported"));
}

#[test]
fn buttons() {
    let back = |text: Option<&str>, value: Option<Value>, shown: Option<&str>| {
        let (text, display_text) = (text.map(str::to_owned), shown.map(str::to_owned));
        Ok(Press::Message { text, value, display_text })
    };
    for (pressed, wanted) in [
        (json!({"type": "imBack", "value": "hello"}), Ok(Press::Post { text: "hello".into() })),
        (
            json!({"type": "messageBack", "text": "t", "displayText": "d", "value": "{\"p\": 1}"}),
            back(Some("t"), Some(json!({"p": 1})), Some("d")),
        ),
        (json!({"type": "messageBack", "value": "plain"}), back(None, Some(json!("plain")), None)),
        (json!({"type": "messageBack"}), back(None, None, None)),
        (json!({"type": "postBack", "value": "v"}), back(Some("v"), Some(json!("v")), None)),
        (json!({"type": "postBack", "value": {"a": 1}}), back(None, Some(json!({"a": 1})), None)),
        (json!({"type": "invoke", "value": {"option": "1"}}), asked(None, json!({"option": "1"}))),
        (json!({"type": "invoke", "value": "{\"option\": 1}"}), asked(None, json!({"option": 1}))),
        (
            json!({"type": "invoke", "value": {"type": "task/fetch", "data": 1}}),
            asked(
                Some("task/fetch"),
                json!({"data": {"type": "task/fetch", "data": 1}, "context": {"theme": "default"}}),
            ),
        ),
        (json!({"type": "openUrl", "value": "https://x/"}), Ok(Press::Open { url: "https://x/".into() })),
    ] {
        assert_eq!(button(pressed.clone()), wanted, "{pressed}");
    }
    for (pressed, part) in [
        (json!({"type": "imBack"}), "no value"),
        (json!({"type": "signin", "value": "https://x/"}), "not supported"),
        (json!({"type": "call", "value": "tel:1"}), "not supported"),
    ] {
        assert!(button(pressed).unwrap_err().contains(part));
    }
    let hero = message(
        "application/vnd.microsoft.card.hero",
        json!({"buttons": [{"type": "imBack", "value": "a"}]}),
    );
    let fault = press(&actions(&hero)[0], &map(json!({"x": 1}))).unwrap_err();
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::BadInput, "there is no input 'x'; the action has no inputs")
    );
}

#[test]
fn dialogs() {
    let card = map(
        json!({"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "name", "isRequired": true}],
        "actions": [{"type": "Action.Submit", "title": "Save", "data": {"msteams": {"type": "messageBack"}}},
                    {"type": "Action.Execute"}, {"type": "Action.OpenUrl", "url": "u"}]}),
    );
    let found = actions_of_card(&card);
    let save = find(&found, &Name { title: Some("Save"), ..Name::default() }).unwrap();
    let wanted =
        json!({"data": {"msteams": {"type": "messageBack"}, "name": "Ana"}, "context": {"theme": "default"}});
    assert_eq!(
        press_in_dialog(save, &map(json!({"name": "Ana"}))),
        Ok(Press::Invoke { name: Some("task/submit"), value: wanted })
    );
    let fault = press_in_dialog(save, &Map::new()).unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::BadInput, "input 'name' is required"));
    assert_eq!(press_in_dialog(&found[1], &Map::new()).unwrap_err().kind, FaultKind::NotPressable);
    assert_eq!(press_in_dialog(&found[2], &Map::new()), Ok(Press::Open { url: "u".into() }));
    let value = json!({"actionName": "feedback", "actionValue": {"reaction": "dislike",
        "feedback": "{\"msteams\":{\"type\":\"messageBack\"},\"name\":\"x\"}"}});
    assert_eq!(
        feedback_of_form(Opinion::Dislike, save, &map(json!({"name": "x"}))),
        Ok(Press::Invoke { name: Some("message/submitAction"), value })
    );
    assert!(feedback_of_form(Opinion::Like, &found[2], &Map::new()).is_err());
}

#[test]
fn refreshing() {
    let ids: Vec<String> = (0..=REFRESH_USERS_MAX).map(|number| format!("29:{number}")).collect();
    let card =
        |refresh: Value| message("application/vnd.microsoft.card.adaptive", json!({"refresh": refresh}));
    let action = json!({"type": "Action.Execute", "verb": "view", "data": {"a": 1}});
    let named = card(json!({"action": action, "userIds": ids}));
    let found = refreshes(&named);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].user_ids.as_ref().unwrap().len(), REFRESH_USERS_MAX);
    let value = json!({"action": {"type": "Action.Execute", "verb": "view", "data": {"a": 1}}, "trigger": "automatic"});
    assert_eq!(found[0].press, Press::Invoke { name: Some("adaptiveCard/action"), value });
    let everyone = card(json!({"action": action}));
    assert_eq!(refreshes(&everyone)[0].user_ids, None);
    let nobody = card(json!({"action": action, "userIds": []}));
    assert_eq!(refreshes(&nobody)[0].user_ids, Some(vec![]));
    assert_eq!(refreshes(&card(json!({"action": {"type": "Action.Submit"}}))), []);
    assert_eq!(refreshes(&card(Value::Null)), []);
}

#[test]
fn giving_feedback() {
    let on = |data: Value| map(json!({"channelData": data}));
    let value = json!({"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "{\"feedbackText\":\"Good\"}"}});
    let submitted = Ok(Press::Invoke { name: Some("message/submitAction"), value });
    for data in [json!({"feedbackLoopEnabled": true}), json!({"feedbackLoop": {"type": "default"}})] {
        assert_eq!(feedback(&on(data), Opinion::Like, "Good"), submitted);
    }
    let value = json!({"actionName": "feedback", "actionValue": {"reaction": "dislike"},
        "data": {"actionName": "feedback", "actionValue": {"reaction": "dislike"}}});
    assert_eq!(
        feedback(&on(json!({"feedbackLoop": {"type": "custom"}})), Opinion::Dislike, ""),
        Ok(Press::Invoke { name: Some("message/fetchTask"), value })
    );
    for data in [Value::Null, json!({}), json!({"feedbackLoopEnabled": false}), json!({"feedbackLoop": {}})] {
        assert_eq!(feedback(&on(data), Opinion::Like, "").unwrap_err().kind, FaultKind::NotPressable);
    }
}

proptest! {
    /// Inputs win over `data`, and nothing else of it changes.
    #[test]
    fn merging(
        data in prop::collection::btree_map("[a-d]", any::<i32>(), 0..4),
        given in prop::collection::btree_map("[a-d]", "[a-z]{1,4}", 0..4),
    ) {
        let body: Vec<Value> = ["a", "b", "c", "d"].map(|id| json!({"type": "Input.Text", "id": id})).into();
        let action = json!({"type": "Action.Submit", "data": data});
        let card = map(json!({"body": body, "actions": [action]}));
        let found = actions_of_card(&card);
        let mut wanted = map(json!(data));
        wanted.extend(map(json!(given)));
        let sent = press(&found[0], &map(json!(given))).unwrap();
        prop_assert_eq!(sent, Press::Message { text: None, value: Some(Value::Object(wanted)), display_text: None });
    }
}
