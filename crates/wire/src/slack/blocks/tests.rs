use super::*;
use serde_json::json;

fn run(blocks: &Value) -> Result<Blocks, Fault> {
    let mut made = 0;
    normalise(&blocks.to_string(), &mut || {
        made += 1;
        format!("n{made}")
    })
}

/// What counts for no characters, such as addresses, counts for bytes.
#[test]
fn blocks_are_bounded_in_bytes() {
    let image = |chars: usize| {
        let url = format!("https://x.example/{}", "\u{e4}".repeat(chars));
        json!({"type": "image", "image_url": url, "alt_text": "x", "title": {"type": "plain_text", "text": "t"},
            "more": "y".repeat(7000 - chars)})
    };
    let run_with = |count: usize| run(&json!(vec![image(1000); count]));
    assert!(run_with(40).is_ok());
    let fault = run_with(50).unwrap_err();
    assert_eq!(fault.code, "msg_blocks_too_long");
    assert!(fault.messages[0].contains("400001 bytes"), "{:?}", fault.messages);
}

#[test]
fn ids_and_defaults_are_filled_in() {
    let given = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "a & b"}, "x": 1,
         "accessory": {"type": "button", "text": {"type": "plain_text", "text": "Go", "emoji": false}}},
        {"type": "divider", "block_id": "n1"},
        {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "<i>", "block_id": "i"}
    ]);
    let wanted = json!([
        {"type": "section", "block_id": "n2", "text": {"type": "mrkdwn", "text": "a & b", "verbatim": false}, "x": 1,
         "accessory": {"type": "button", "text": {"type": "plain_text", "text": "Go", "emoji": false}, "action_id": "n3"}},
        {"type": "divider", "block_id": "n1"},
        {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "<i>", "block_id": "i"}
    ]);
    let blocks = run(&given).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&blocks.json).unwrap(), wanted);
    assert_eq!(blocks.fallback, "a &amp; b\n&lt;i&gt;");
    assert_eq!(blocks.count, 3);
    let again = normalise(&blocks.json, &mut || "unused".to_owned()).unwrap();
    assert_eq!(again, blocks);
}

#[test]
fn what_is_no_list_of_blocks() {
    for given in ["", "{}", "\"x\"", "[1]", "[null]", "[[]]", "[{}", "null"] {
        assert_eq!(normalise(given, &mut String::new).unwrap_err().code, "invalid_blocks_format", "{given}");
    }
    let none = normalise("[]", &mut String::new).unwrap();
    assert_eq!((none.json.as_str(), none.count), ("[]", 0));
}

#[test]
fn broken_rules_are_named() {
    let plain = |len: usize| json!({"type": "plain_text", "text": "x".repeat(len)});
    let option = json!({"text": plain(1), "value": "v"});
    let select = |n: usize| json!({"type": "static_select", "options": vec![option.clone(); n]});
    let button = |more: Value| {
        let mut button = json!({"type": "button", "text": plain(1)});
        button.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "actions", "elements": [button]})
    };
    let cases: Vec<(Value, &str)> = vec![
        (
            json!({"type": "section", "text": plain(3001)}),
            "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            json!({"type": "section", "text": plain(0)}),
            "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
        ),
        (json!({"type": "section"}), "missing required field: text [json-pointer:/blocks/0]"),
        (json!({"type": "section", "text": "x"}), "must provide an object [json-pointer:/blocks/0/text]"),
        (
            json!({"type": "section", "fields": vec![plain(1); 11]}),
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            json!({"type": "section", "fields": [plain(2001)]}),
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        (
            json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}),
            "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
        ),
        (
            json!({"type": "header", "text": plain(151)}),
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            json!({"type": "actions", "elements": vec![select(1); 26]}),
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            json!({"type": "actions", "elements": []}),
            "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            json!({"type": "actions", "elements": [select(101)]}),
            "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            json!({"type": "actions", "elements": [select(0)]}),
            "no fewer than 1 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            json!({"type": "actions", "elements": [{"type": "image"}]}),
            "unsupported type: image [json-pointer:/blocks/0/elements/0/type]",
        ),
        (
            json!({"type": "context", "elements": vec![plain(1); 11]}),
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            json!({"type": "image", "alt_text": "x"}),
            "missing required field: image_url [json-pointer:/blocks/0]",
        ),
        (
            json!({"type": "image", "image_url": "u"}),
            "missing required field: alt_text [json-pointer:/blocks/0]",
        ),
        (
            json!({"type": "input", "label": plain(1)}),
            "missing required field: element [json-pointer:/blocks/0]",
        ),
        (json!({"type": "markdown", "text": 1}), "must provide a string [json-pointer:/blocks/0/text]"),
        (
            json!({"type": "markdown", "text": "x".repeat(12_001)}),
            "must be less than 12001 characters [json-pointer:/blocks/0/text]",
        ),
        (json!({"type": "nope"}), "unsupported type: nope [json-pointer:/blocks/0/type]"),
        (json!({"text": "x"}), "missing required field: type [json-pointer:/blocks/0]"),
        (
            json!({"type": "divider", "block_id": "x".repeat(256)}),
            "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
        ),
        (
            json!({"type": "divider", "block_id": 5}),
            "must provide a string [json-pointer:/blocks/0/block_id]",
        ),
        (
            button(json!({"text": plain(76)})),
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            button(json!({"action_id": "x".repeat(256)})),
            "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
        ),
        (
            button(json!({"style": "loud"})),
            "must be one of primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            button(
                json!({"confirm": {"title": plain(101), "text": plain(1), "confirm": plain(1), "deny": plain(1)}}),
            ),
            "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
        ),
        (
            json!({"type": "section", "text": plain(1), "accessory": {"type": "overflow", "options": vec![option.clone(); 6]}}),
            "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
        ),
        (
            json!({"type": "section", "text": plain(1), "accessory": {"type": "radio_buttons", "options": vec![option.clone(); 11]}}),
            "no more than 10 items allowed [json-pointer:/blocks/0/accessory/options]",
        ),
        (
            json!({"type": "table", "rows": vec![json!([]); 101]}),
            "no more than 100 items allowed [json-pointer:/blocks/0/rows]",
        ),
        (
            json!({"type": "rich_text", "elements": [{"type": "text"}]}),
            "unsupported type: text [json-pointer:/blocks/0/elements/0/type]",
        ),
    ];
    for (block, reason) in cases {
        let fault = run(&json!([block])).unwrap_err();
        assert_eq!((fault.code, fault.messages), ("invalid_blocks", vec![reason.to_owned()]));
    }
}

#[test]
fn rules_over_all_blocks() {
    let divider = json!({"type": "divider"});
    let named = json!({"type": "divider", "block_id": "a"});
    let markdown = |len: usize| json!({"type": "markdown", "text": "x".repeat(len)});
    let table = json!({"type": "table", "rows": []});
    let text =
        |len: usize| json!({"type": "section", "text": {"type": "plain_text", "text": "ä".repeat(len)}});
    let cases: Vec<(Vec<Value>, Option<&str>)> = vec![
        (vec![divider.clone(); 50], None),
        (vec![divider; 51], Some("invalid_blocks")),
        (vec![named; 2], Some("invalid_blocks")),
        (vec![markdown(12_000)], None),
        (vec![markdown(6_000), markdown(6_001)], Some("invalid_blocks")),
        (vec![table; 2], Some("invalid_blocks")),
        (vec![text(3000), text(3000), text(3000), text(3000), text(1200)], None),
        (vec![text(3000), text(3000), text(3000), text(3000), text(1201)], Some("msg_blocks_too_long")),
    ];
    for (blocks, wanted) in cases {
        assert_eq!(run(&Value::Array(blocks)).err().map(|fault| fault.code), wanted);
    }
}

#[test]
fn every_reason_is_given() {
    let fault = run(&json!([{"type": "x"}, {"type": "header"}, {}])).unwrap_err();
    assert_eq!(fault.messages.len(), 3, "{fault:?}");
}

#[test]
fn fallback_of_each_kind() {
    let rich = json!({"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "a<"}, {"type": "user", "user_id": "U1"}]},
        {"type": "rich_text_list", "elements": [{"type": "rich_text_section", "elements": [{"type": "link", "url": "u", "text": "t"}]}]}]});
    let cases = [
        (rich, "a&lt;<@U1>\n• <u|t>"),
        (json!({"type": "markdown", "text": "**b**"}), "*b*"),
        (json!({"type": "header", "text": {"type": "plain_text", "text": "H"}}), "H"),
        (
            json!({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]]}),
            "a | b",
        ),
        (json!({"type": "divider"}), ""),
    ];
    for (block, wanted) in cases {
        assert_eq!(run(&json!([block])).unwrap().fallback, wanted);
    }
}

#[test]
fn a_stuck_id_source_does_no_harm() {
    let blocks = normalise(r#"[{"type":"divider"},{"type":"divider"}]"#, &mut || "same".to_owned()).unwrap();
    assert!(blocks.json.contains("\"same+\""));
}
