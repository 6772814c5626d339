use super::super::{invoke, press, stream};
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn activity(attachment: &str, content: Value) -> Map<String, Value> {
    let activity =
        json!({"type": "message", "attachments": [{"contentType": attachment, "content": content}]});
    activity.as_object().unwrap().clone()
}

fn adaptive(content: Value) -> Map<String, Value> {
    activity(ADAPTIVE, content)
}

/// What is seen of a card, one word an action.
fn seen(activity: &Map<String, Value>) -> String {
    let names = actions(activity).into_iter().map(|action| action.title.unwrap_or("-").to_owned());
    names.collect::<Vec<_>>().join(" ")
}

fn submit(title: &str) -> Value {
    json!({"type": "Action.Submit", "title": title})
}

#[test]
fn actions_in_reading_order() {
    for (content, wanted) in [
        (json!({"actions": [submit("a"), submit("b")]}), "a b"),
        (
            json!({"selectAction": submit("card"), "body": [
                {"type": "ActionSet", "actions": [submit("a")]},
                {"type": "Container", "selectAction": submit("b"), "items": [
                    {"type": "Image", "selectAction": submit("c")}]},
                {"type": "ColumnSet", "columns": [
                    {"type": "Column", "selectAction": submit("d"), "items": [
                        {"type": "ActionSet", "actions": [submit("e")]}]}]},
                {"type": "Table", "rows": [{"type": "TableRow", "cells": [
                    {"type": "TableCell", "items": [{"type": "ActionSet", "actions": [submit("f")]}]}]}]},
                {"type": "RichTextBlock", "inlines": ["x", {"type": "TextRun", "selectAction": submit("g")}]},
                {"type": "ImageSet", "images": [{"type": "Image", "selectAction": submit("h")}]},
                {"type": "Input.Text", "id": "i", "inlineAction": submit("i"), "fallback": {"type": "TextBlock"}},
                {"type": "Carousel", "pages": [{"type": "CarouselPage", "items": [
                    {"type": "ActionSet", "actions": [submit("j")]}]}]},
            ], "actions": [submit("k")]}),
            "card a b c d e f g h i j k",
        ),
        (
            json!({"actions": [
                {"type": "Action.ShowCard", "title": "more", "card": {"body": [
                    {"type": "ActionSet", "actions": [submit("in")]}], "actions": [submit("ner")]}},
                {"type": "Action.Submit", "title": "menu", "menuActions": [submit("item")]},
                {"type": "Action.ToggleVisibility", "title": "toggle", "targetElements": ["x"]},
                {"type": "Action.OpenUrl", "title": "open", "url": "https://x/"},
                {"type": "Action.Execute", "title": "run"},
            ]}),
            "more in ner menu item toggle open run",
        ),
        // What clients do not know shows its fallback, or nothing.
        (
            json!({"body": [{"type": "Hologram", "fallback": {"type": "ActionSet", "actions": [submit("a")]}},
                            {"type": "Hologram", "items": [{"type": "ActionSet", "actions": [submit("b")]}]}],
                   "actions": [{"type": "Action.Hologram", "fallback": submit("c")},
                               {"type": "Action.Hologram", "fallback": "drop"},
                               {"type": "Action.Execute", "title": "d", "fallback": submit("not")}]}),
            "a b c d",
        ),
        (json!({"body": [7, null, "x", []], "actions": {"type": "Action.Submit"}}), ""),
        (json!("text"), ""),
    ] {
        assert_eq!(seen(&adaptive(content.clone())), wanted, "{content}");
    }
}

#[test]
fn other_cards_and_suggestions() {
    let hero = json!({"tap": {"type": "openUrl", "title": "tap"}, "items": [{"tap": {"type": "imBack", "title": "item"}}],
                      "buttons": [{"type": "messageBack", "title": "a"}, {"type": "invoke", "title": "b"}]});
    let mut message = activity("application/vnd.microsoft.card.hero", hero);
    message.insert("suggestedActions".into(), json!({"actions": [{"type": "imBack", "title": "s"}]}));
    assert_eq!(seen(&message), "tap item a b s");
    let found = actions(&message);
    let kinds: Vec<Kind> = found.iter().map(|action| action.kind).collect();
    use Kind::{ImBack, Invoke, MessageBack, OpenUrl};
    assert_eq!(kinds, [OpenUrl, ImBack, MessageBack, Invoke, ImBack]);
    assert_eq!((found[0].attachment, found[4].attachment), (Some(0), None));
    for (name, kind) in
        [("postBack", Kind::PostBack), ("signin", Kind::SignIn), ("call", Kind::Other), ("IMBACK", ImBack)]
    {
        let button = json!({"type": name});
        assert_eq!(button_kind(button.as_object().unwrap()), kind);
    }
    // Without a content type the content says what it is.
    let bare =
        json!({"attachments": [{"content": {"type": "AdaptiveCard", "actions": [submit("a")]}}, {}, 7]});
    assert_eq!(seen(bare.as_object().unwrap()), "a");
}

#[test]
fn finding_by_name() {
    let message = adaptive(json!({"actions": [
        {"type": "Action.Execute", "id": "1", "title": "Vote", "verb": "up"},
        {"type": "Action.Execute", "id": "2", "title": "Vote", "verb": "down", "isEnabled": false},
        {"type": "Action.Submit", "title": "Close"},
    ]}));
    let found = actions(&message);
    let name = Name::default();
    let of = |name: Name<'_>| find(&found, &name).map(|action| action.index);
    assert_eq!(of(Name { id: Some("2"), ..name }), Ok(1));
    assert_eq!(of(Name { title: Some("Close"), ..name }), Ok(2));
    assert_eq!(of(Name { verb: Some("up"), ..name }), Ok(0));
    assert_eq!(of(Name { index: Some(1), ..name }), Ok(1));
    assert_eq!(of(Name { title: Some("Vote"), verb: Some("down"), ..name }), Ok(1));
    let all = "0: Action.Execute title 'Vote' id '1' verb 'up', \
               1: Action.Execute title 'Vote' id '2' verb 'down' (disabled)";
    let fails = |name: Name<'_>, kind: FaultKind, words: &str| {
        let message = words.to_owned();
        assert_eq!(of(name), Err(Fault { kind, message }));
    };
    fails(
        Name { title: Some("Vote"), ..name },
        FaultKind::Ambiguous,
        &format!("title 'Vote' fits several actions, say which one by its index: {all}"),
    );
    fails(
        name,
        FaultKind::Ambiguous,
        &format!("the message has several actions, say which one: {all}, 2: Action.Submit title 'Close'"),
    );
    fails(
        Name { id: Some("1"), index: Some(2), ..name },
        FaultKind::NotFound,
        &format!("no action has id '1' and index 2; there is {all}, 2: Action.Submit title 'Close'"),
    );
    assert_eq!(find(&found[2..], &name).unwrap().title, Some("Close"));
    assert_eq!(find(&[], &name).unwrap_err().message, "the message has nothing to press");
}

#[test]
fn which_inputs_belong_to_an_action() {
    let input = |id: &str, label: &str| json!({"type": "Input.Text", "id": id, "label": label});
    let shown = |title: &str, id: &str| {
        json!({"type": "Action.ShowCard", "title": title, "card": {
            "body": [input(id, "inner"), input("same", "inner")], "actions": [submit(title)]}})
    };
    let message = adaptive(json!({
        "body": [{"type": "Container", "items": [input("outer", ""), input("same", "outer"), {"type": "Input.Text"}]},
                 {"type": "ActionSet", "actions": [shown("first", "one")]}],
        "actions": [shown("second", "two"), submit("last")]}));
    let found = actions(&message);
    let inputs = |index: usize| -> String {
        let inputs = found[index].inputs();
        inputs.iter().map(|input| input.id).collect::<Vec<_>>().join(" ")
    };
    let wanted = ["outer same", "one same outer", "outer same", "two same outer", "outer same"];
    for (index, wanted) in wanted.into_iter().enumerate() {
        assert_eq!(inputs(index), wanted, "{}", found[index]);
    }
    let label = |index: usize| found[index].inputs().iter().find(|input| input.id == "same").unwrap().label;
    assert_eq!(label(1), Some("outer"));
}

/// A card that shows a card that shows a card …, and containers in containers.
fn nested(depth: usize) -> [Value; 3] {
    let mut shown = json!({"actions": [submit("last")]});
    let mut boxed = json!({"type": "ActionSet", "actions": [submit("last")]});
    let mut fallback = submit("last");
    for _ in 0..depth {
        shown = json!({"actions": [{"type": "Action.ShowCard", "title": "more", "card": shown}]});
        boxed = json!({"type": "Container", "items": [boxed]});
        fallback = json!({"type": "Action.Hologram", "fallback": fallback});
    }
    [shown, json!({"body": [boxed]}), json!({"actions": [fallback]})]
}

#[test]
fn depth_has_a_limit() {
    for card in nested(DEPTH_MAX / 2 - 1) {
        assert!(seen(&adaptive(card)).ends_with("last"));
    }
    for card in nested(DEPTH_MAX * 3) {
        assert!(!seen(&adaptive(card)).contains("last"));
    }
}

/// `{name: [{name: [… {}]}]}`, too deep for any stack if it were followed to its end.
fn bottomless(name: &str, is_list: bool) -> Map<String, Value> {
    let mut inner = Map::new();
    for _ in 0..20_000 {
        let value = Value::Object(inner);
        inner = Map::from_iter([
            (name.to_owned(), if is_list { Value::Array(vec![value]) } else { value }),
            ("type".to_owned(), Value::String("Action.Hologram".to_owned())),
        ]);
    }
    inner
}

#[test]
fn no_depth_overflows_the_stack() {
    for (name, is_list) in
        [("items", true), ("actions", true), ("menuActions", true), ("card", false), ("fallback", false)]
    {
        let card = Map::from_iter([("actions".to_owned(), vec![bottomless(name, is_list)].into())]);
        let body = Map::from_iter([("body".to_owned(), vec![bottomless(name, is_list)].into())]);
        for card in [card, body] {
            let seen = actions_of_card(&card).len();
            // serde_json would follow it to its end to drop it.
            std::mem::forget(card);
            assert!(seen <= DEPTH_MAX + 1, "{name}");
        }
    }
}

#[test]
fn the_number_of_actions_has_a_limit() {
    let many = vec![submit("a"); ACTIONS_MAX + 1];
    let message = adaptive(json!({"actions": many}));
    assert_eq!(actions(&message).len(), ACTIONS_MAX);
    let error = find(&actions(&message), &Name::default()).unwrap_err();
    assert!(error.message.ends_with("19: Action.Submit title 'a', …"), "{error:?}");
}

/// JSON with a liking for the names that cards use.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "type",
        "id",
        "title",
        "value",
        "body",
        "items",
        "columns",
        "rows",
        "cells",
        "actions",
        "card",
        "content",
        "contentType",
        "attachments",
        "selectAction",
        "inlineAction",
        "fallback",
        "data",
        "msteams",
        "choices",
        "min",
        "max",
        "regex",
        "isRequired",
        "isMultiSelect",
        "buttons",
        "tap",
        "suggestedActions",
        "channelData",
        "feedbackLoop",
        "refresh",
        "action",
        "userIds",
        "verb",
        "statusCode",
        "task",
        "entities",
        "streamType",
        "streamId",
        "streamSequence",
        "text",
    ]);
    let texts = prop::sample::select(vec![
        "Action.Submit",
        "Action.Execute",
        "Action.ShowCard",
        "Action.OpenUrl",
        "AdaptiveCard",
        "Container",
        "ActionSet",
        "Input.Text",
        "Input.Number",
        "Input.Date",
        "Input.Time",
        "Input.Toggle",
        "Input.ChoiceSet",
        "messageBack",
        "imBack",
        "invoke",
        "task/fetch",
        "a",
        "",
        "1",
        "(",
        "2026-01-01",
        "10:30",
        ADAPTIVE,
        "continue",
        "message",
        "typing",
        "streaminfo",
        "custom",
        "application/vnd.microsoft.card.adaptive",
        "{\"type\":\"task/fetch\"}",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 96, 6, move |inner| {
        let members = prop::collection::vec((names.clone(), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            members.prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::Object(members.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(content in any_json(), attachment in any_json(), given in any_json()) {
        let given = given.as_object().cloned().unwrap_or_default();
        let mut message = adaptive(content.clone());
        message.insert("suggestedActions".into(), attachment.clone());
        let hero = activity("application/vnd.microsoft.card.hero", content);
        let all = [message, hero, attachment.as_object().cloned().unwrap_or_default()];
        for message in all {
            for action in actions(&message) {
                let _ = press::press(&action, &given);
                let _ = press::press_in_dialog(&action, &given);
                let _ = action.to_string();
            }
            let _ = press::refreshes(&message);
            let _ = press::feedback(&message, press::Opinion::Like, "");
            let _ = stream::step(&message);
            let body = serde_json::to_vec(&message).unwrap();
            let _ = invoke::card_answer(200, &body);
            let _ = invoke::task_answer("task/fetch", 200, &body);
            let _ = invoke::replies(200, &body);
        }
    }
}
