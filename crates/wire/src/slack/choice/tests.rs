use super::super::elements::elements;
use super::*;

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": true})
}

fn option(value: &str) -> Value {
    json!({"text": plain(&value.to_uppercase()), "value": value})
}

fn names() -> Names<'static> {
    Names {
        user: &|name| ["ada", "U1"].contains(&name).then(|| "U1".to_owned()),
        conversation: &|name| match name {
            "ops" | "C1" => Some(("C1".to_owned(), true)),
            "leads" => Some(("C2".to_owned(), false)),
            _ => None,
        },
    }
}

fn in_input(element: &Value) -> Vec<Value> {
    vec![json!({"type": "input", "block_id": "b", "label": plain("L"), "element": element})]
}

fn with(kind: &str, more: Value) -> Value {
    let mut element = json!({"type": kind, "action_id": "a"});
    element.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    element
}

/// Every type of element: what is put in, and what the app gets in `actions` and in `state.values`.
#[test]
fn what_apps_get_of_every_kind() {
    let options = json!([option("x"), option("y")]);
    let groups = json!([{"label": plain("G"), "options": options}]);
    let rich = json!({"type": "rich_text", "elements": [{"type": "rich_text_section",
        "elements": [{"type": "text", "text": "hi"}]}]});
    let none = json!({});
    for (kind, more, given, wanted) in [
        ("static_select", json!({"options": options}), json!("x"), json!({"selected_option": option("x")})),
        ("static_select", json!({"options": options}), json!("Y"), json!({"selected_option": option("y")})),
        ("static_select", json!({"options": options}), option("y"), json!({"selected_option": option("y")})),
        (
            "static_select",
            json!({"option_groups": groups}),
            json!("y"),
            json!({"selected_option": option("y")}),
        ),
        ("static_select", json!({"options": options}), Value::Null, json!({"selected_option": null})),
        ("external_select", none.clone(), option("z"), json!({"selected_option": option("z")})),
        ("radio_buttons", json!({"options": options}), json!("x"), json!({"selected_option": option("x")})),
        ("overflow", json!({"options": options}), json!("x"), json!({"selected_option": option("x")})),
        (
            "checkboxes",
            json!({"options": options}),
            json!(["x", "X"]),
            json!({"selected_options": [option("x")]}),
        ),
        ("checkboxes", json!({"options": options}), Value::Null, json!({"selected_options": []})),
        (
            "multi_static_select",
            json!({"options": options}),
            json!(["y", "x"]),
            json!({"selected_options": [option("y"), option("x")]}),
        ),
        (
            "multi_external_select",
            none.clone(),
            json!([option("z")]),
            json!({"selected_options": [option("z")]}),
        ),
        ("users_select", none.clone(), json!("ada"), json!({"selected_user": "U1"})),
        ("conversations_select", none.clone(), json!("leads"), json!({"selected_conversation": "C2"})),
        ("channels_select", none.clone(), json!("ops"), json!({"selected_channel": "C1"})),
        ("multi_users_select", none.clone(), json!("ada"), json!({"selected_users": ["U1"]})),
        (
            "multi_conversations_select",
            none.clone(),
            json!(["ops", "leads"]),
            json!({"selected_conversations": ["C1", "C2"]}),
        ),
        ("multi_channels_select", none.clone(), json!(["ops"]), json!({"selected_channels": ["C1"]})),
        ("datepicker", none.clone(), json!("2024-02-29"), json!({"selected_date": "2024-02-29"})),
        (
            "timepicker",
            json!({"timezone": "Etc/UTC"}),
            json!("17:30"),
            json!({"selected_time": "17:30", "timezone": "Etc/UTC"}),
        ),
        ("datetimepicker", none.clone(), json!(1_700_000_000), json!({"selected_date_time": 1_700_000_000})),
        ("plain_text_input", none.clone(), json!("why"), json!({"value": "why"})),
        ("plain_text_input", none.clone(), json!(""), json!({"value": null})),
        ("email_text_input", none.clone(), json!("a@x.example"), json!({"value": "a@x.example"})),
        ("url_text_input", none.clone(), json!("https://x.example"), json!({"value": "https://x.example"})),
        ("number_input", json!({"is_decimal_allowed": true}), json!(1.5), json!({"value": "1.5"})),
        ("rich_text_input", none.clone(), json!("hi"), json!({"rich_text_value": rich})),
        ("rich_text_input", none.clone(), rich.clone(), json!({"rich_text_value": rich})),
    ] {
        let blocks = in_input(&with(kind, more));
        let found = elements(&blocks);
        let value = chosen(&found[0], &given, &names()).unwrap_or_else(|why| panic!("{kind} {given}: {why}"));
        let mut action_wanted = wanted.clone();
        let said = json!({"type": kind, "block_id": "b", "action_id": "a", "action_ts": "1.5"});
        action_wanted.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        assert_eq!(action(&found[0], Some(value), "1.5"), action_wanted, "{kind}");
        if kind == "overflow" {
            continue;
        }
        let mut held = wanted;
        held["type"] = kind.into();
        let inputs = Map::from_iter([("a".to_owned(), given)]);
        let state = state(&found, &inputs, &names()).unwrap();
        assert_eq!(Value::Object(state.values), json!({"b": {"a": held}}), "{kind}");
    }
}

#[test]
fn what_stands_at_first() {
    for (kind, more, member, initial, empty) in [
        ("static_select", json!({"options": [option("x")]}), "initial_option", option("x"), Value::Null),
        (
            "multi_static_select",
            json!({"options": [option("x")]}),
            "initial_options",
            json!([option("x")]),
            json!([]),
        ),
        ("multi_users_select", json!({}), "initial_users", json!(["U1"]), json!([])),
        ("users_select", json!({}), "initial_user", json!("U1"), Value::Null),
        ("conversations_select", json!({}), "initial_conversation", json!("C1"), Value::Null),
        ("channels_select", json!({}), "initial_channel", json!("C1"), Value::Null),
        ("datepicker", json!({}), "initial_date", json!("2026-08-01"), Value::Null),
        ("timepicker", json!({}), "initial_time", json!("17:30"), Value::Null),
        ("datetimepicker", json!({}), "initial_date_time", json!(1_700_000_000), Value::Null),
        ("plain_text_input", json!({}), "initial_value", json!("v"), Value::Null),
        ("number_input", json!({}), "initial_value", json!("5"), Value::Null),
    ] {
        let bare = in_input(&with(kind, more.clone()));
        let mut full = with(kind, more);
        full[member] = initial.clone();
        let full = in_input(&full);
        let held = |blocks: &[Value]| {
            let found = elements(blocks);
            let state = state(&found, &Map::new(), &names()).unwrap();
            let member = found[0].kind.unwrap().member().unwrap();
            (state.values["b"]["a"][member].clone(), state.missing.len())
        };
        assert_eq!(held(&bare), (empty, 1), "{kind} is empty and has to be filled");
        assert_eq!(held(&full), (initial.clone(), 0), "{kind}");
        let found = elements(&full);
        assert_eq!(action(&found[0], None, "1.5")[member], initial, "{kind}");
    }
}

#[test]
fn what_is_not_taken() {
    let listed = json!({"options": [option("x"), option("y")]});
    for (kind, more, given, words) in [
        ("static_select", listed.clone(), json!("z"), "\"z\" is no option; there are x, y"),
        ("static_select", listed.clone(), json!(5), "5 is no option; there are x, y"),
        (
            "multi_static_select",
            {
                let mut more = listed.clone();
                more["max_selected_items"] = json!(1);
                more
            },
            json!(["x", "y"]),
            "1 at most may be chosen",
        ),
        (
            "external_select",
            json!({}),
            json!("z"),
            "the app offers the options: ask for suggestions, and give one as it was offered",
        ),
        ("users_select", json!({}), json!("nobody"), "\"nobody\" is nobody"),
        (
            "conversations_select",
            json!({}),
            json!("attic"),
            "\"attic\" is no conversation that the person sees",
        ),
        ("channels_select", json!({}), json!("leads"), "\"leads\" is no public channel"),
        ("datepicker", json!({}), json!("2023-02-29"), "\"2023-02-29\" is not a day, such as 2026-08-01"),
        ("timepicker", json!({}), json!("17:60"), "\"17:60\" is not a time of day, such as 17:30"),
        ("datetimepicker", json!({}), json!(5), "5 is no time in Unix seconds"),
        ("plain_text_input", json!({}), json!(5), "5 is no text"),
        ("plain_text_input", json!({"min_length": 3}), json!("ab"), "it has 2 characters, 3 are needed"),
        ("plain_text_input", json!({"max_length": 3}), json!("abcd"), "it has 4 characters, 3 are allowed"),
        ("plain_text_input", json!({}), json!("x".repeat(3001)), "it has 3001 characters, 3000 are allowed"),
        ("email_text_input", json!({}), json!("ada"), "\"ada\" is no mail address"),
        ("url_text_input", json!({}), json!("x.example"), "\"x.example\" is no address"),
        ("number_input", json!({}), json!("five"), "five is no number"),
        ("number_input", json!({}), json!("NaN"), "NaN is no number"),
        ("number_input", json!({"is_decimal_allowed": false}), json!("1.5"), "1.5 is no whole number"),
        ("number_input", json!({"min_value": "2"}), json!("1"), "1 is below 2"),
        ("number_input", json!({"max_value": "2"}), json!(3), "3 is above 2"),
        ("rich_text_input", json!({}), json!(["x"]), "[\"x\"] is neither a text nor a rich_text block"),
        ("file_input", json!({}), json!("F1"), "a file_input is not supported"),
        ("something_new", json!({}), json!("x"), "a something_new is not supported"),
    ] {
        let blocks = in_input(&with(kind, more));
        let found = elements(&blocks);
        assert_eq!(chosen(&found[0], &given, &names()).unwrap_err(), words, "{kind}");
    }
}

#[test]
fn names_of_inputs_and_what_is_missing() {
    let text = |block: &str, action: &str, label: &str, optional: bool| {
        json!({"type": "input", "block_id": block, "label": plain(label), "optional": optional,
            "element": {"type": "plain_text_input", "action_id": action}})
    };
    let blocks =
        vec![text("b1", "a1", "One", false), text("b2", "a2", "Two", true), text("b3", "a2", "Three", true)];
    let found = elements(&blocks);
    let run = |inputs: Value| state(&found, inputs.as_object().unwrap(), &names());
    let values = |inputs: Value| {
        let values = run(inputs).unwrap().values;
        ["b1/a1", "b2/a2", "b3/a2"].map(|at| {
            let (block, action) = at.split_once('/').unwrap();
            values[block][action]["value"].as_str().unwrap_or("-").to_owned()
        })
    };
    assert_eq!(values(json!({"a1": "x", "b2": "y", "Three": "z"})), ["x", "y", "z"]);
    let empty = run(json!({})).unwrap();
    assert_eq!(empty.missing, [("b1".to_owned(), "One: this has to be filled in".to_owned())].into());
    assert_eq!(run(json!({"a2": "x"})).unwrap_err(), "several inputs are named a2; use the block_id");
    assert!(
        run(json!({"zzz": "x"}))
            .unwrap_err()
            .starts_with("there is no input zzz; there are \"One\" (plain_text_input b1/a1)")
    );
    assert_eq!(run(json!({"a1": 5})).unwrap_err(), "a1: 5 is no text");
}

#[test]
fn a_pressed_button_says_what_it_is() {
    let button = json!({"type": "button", "action_id": "ship", "text": plain("Ship"), "value": "7", "style": "primary",
        "url": "https://x.example", "confirm": {"title": plain("Sure?")}});
    let blocks = vec![json!({"type": "actions", "block_id": "b", "elements": [button]})];
    let mut wanted = button;
    wanted["block_id"] = "b".into();
    wanted["action_ts"] = "1.5".into();
    let found = elements(&blocks);
    assert_eq!(action(&found[0], None, "1.5"), wanted);
    assert_eq!(chosen(&found[0], &json!("x"), &names()).unwrap_err(), "a button takes nothing");
}

/// What is used is in the state with the rest.
#[test]
fn using_an_element() {
    let options = json!([option("x"), option("y")]);
    let blocks = vec![
        json!({"type": "actions", "block_id": "b", "elements": [
            {"type": "static_select", "action_id": "size", "options": options, "initial_option": option("x")},
            {"type": "overflow", "action_id": "more", "options": options},
            {"type": "button", "action_id": "go", "text": plain("Go")},
            {"type": "workflow_button", "action_id": "flow", "text": plain("Flow")}]}),
        json!({"type": "input", "block_id": "i", "label": plain("Why"), "dispatch_action": true,
            "element": {"type": "plain_text_input", "action_id": "why"}}),
        json!({"type": "input", "block_id": "j", "label": plain("Who"),
            "element": {"type": "users_select", "action_id": "who"}}),
    ];
    let found = elements(&blocks);
    let inputs = json!({"why": "so"});
    let run = |place, value: Option<Value>| {
        let used = used(&found, place, value.as_ref(), inputs.as_object().unwrap(), &names());
        used.map(|(chosen, state)| (chosen, Value::Object(state.values)))
    };
    let state = |size: &str, why: &str| {
        json!({"b": {"size": {"type": "static_select", "selected_option": option(size)}},
            "i": {"why": {"type": "plain_text_input", "value": why}},
            "j": {"who": {"type": "users_select", "selected_user": null}}})
    };
    for (place, value, wanted) in [
        (0, Some(json!("y")), Ok((Some(option("y")), state("y", "so")))),
        (0, None, Ok((Some(option("x")), state("x", "so")))),
        (1, Some(json!("y")), Ok((Some(option("y")), state("x", "so")))),
        (1, None, Err("say which option is chosen")),
        (2, None, Ok((None, state("x", "so")))),
        (2, Some(Value::Null), Ok((None, state("x", "so")))),
        (2, Some(json!("x")), Err("a button takes nothing")),
        (3, None, Err("a workflow_button is not supported")),
        (4, None, Ok((Some(json!("so")), state("x", "so")))),
        (4, Some(json!("other")), Ok((Some(json!("other")), state("x", "other")))),
        (
            5,
            Some(json!("ada")),
            Err(
                "its app hears of \"Who\" (users_select j/who) when the view is submitted (dispatch_action is false); give it among the inputs",
            ),
        ),
        (9, None, Err("there is no such element")),
    ] {
        assert_eq!(run(place, value), wanted.map_err(str::to_owned), "{place}");
    }
}

#[test]
fn conversations_to_answer_in() {
    let select = |block: &str, kind: &str, enabled: bool| {
        json!({"type": "input", "block_id": block, "label": plain("Where"),
            "element": {"type": kind, "action_id": "a", "response_url_enabled": enabled}})
    };
    let blocks = vec![
        select("b1", "conversations_select", true),
        select("b2", "channels_select", true),
        select("b3", "channels_select", false),
        select("b4", "conversations_select", true),
    ];
    let found = elements(&blocks);
    let inputs = json!({"b1": "leads", "b2": "ops", "b3": "ops"});
    let state = state(&found, inputs.as_object().unwrap(), &names()).unwrap();
    let wanted = [("b1", "a", "C2"), ("b2", "a", "C1")];
    let wanted = wanted.map(|(block, action, id)| (block.to_owned(), action.to_owned(), id.to_owned()));
    assert_eq!(answerable(&found, &state.values), wanted);
}
