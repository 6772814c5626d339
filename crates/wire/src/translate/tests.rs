use super::*;
use crate::slack::blocks;
use serde_json::{Value, json};

/// Ann, the bot Bo and two channels.
pub(super) struct Few;

impl Names for Few {
    fn user(&self, id: &str) -> Option<Person> {
        let (slack_id, connector_id, name) = match id {
            "U1" | "29:1" => ("U1", "29:1", "Ann B."),
            "U2" | "28:2" => ("U2", "28:2", "Bo"),
            _ => return None,
        };
        Some(Person { slack_id: slack_id.into(), connector_id: connector_id.into(), name: name.into() })
    }

    fn channel(&self, id: &str) -> Option<String> {
        (id == "C1").then(|| "ops".to_owned())
    }
}

fn said(text: &str) -> ActivityContent {
    slack_to_activity(&SlackMessage { text, markup: true, ..SlackMessage::default() }, &Few)
}

fn shown(blocks: &Value) -> ActivityContent {
    let blocks = blocks.to_string();
    let message = SlackMessage { text: "fallback", markup: true, blocks: Some(&blocks), attachments: None };
    slack_to_activity(&message, &Few)
}

fn text_of(activity: &Value) -> String {
    activity_to_slack_text(activity.to_string().as_bytes(), &Few)
}

fn blocks_of(activity: &Value) -> Value {
    let made = activity_to_slack_blocks(&activity.to_string(), &Few);
    made.map_or(Value::Null, |blocks| serde_json::from_str(&blocks).unwrap())
}

#[test]
fn slack_text_for_teams() {
    let cases = [
        ("", "plain", ""),
        ("2 * 3 * 4, a_b_c &lt; d &amp; e", "plain", "2 * 3 * 4, a_b_c < d & e"),
        ("*b* _i_ ~s~ `c`", "markdown", "**b** _i_ ~~s~~ `c`"),
        ("*b _bi_* *", "markdown", "**b _bi_** \\*"),
        ("<https://x.example/a?b&amp;c> ok", "plain", "https://x.example/a?b&c ok"),
        ("<https://x.example/(a)|t [1]>", "markdown", "[t \\[1\\]](https://x.example/(a))"),
        ("<mailto:a@x.example>", "markdown", "<a@x.example>"),
        (
            "<@U1> <@U9> <@U9|zoe> <#C1> <#C9> <!here> <!subteam^S1|@ops>",
            "plain",
            "<at>Ann B.</at> @U9 @zoe #ops #C9 @here @ops",
        ),
        (
            "<!date^1^{date}|Jan 1> <!date^1^{date}^https://x.example|Jan 1>",
            "markdown",
            "Jan 1 [Jan 1](https://x.example)",
        ),
        ("&lt;at&gt;Ann&lt;/at&gt;", "markdown", "\\<at>Ann\\</at>"),
        (":tada: :ours: :wave::skin-tone-3:", "plain", "🎉 :ours: 👋🏼"),
        ("• a\n    • b\n• c\ntext", "markdown", "- a\n  - b\n- c\n\ntext"),
        ("1. a\n2. b\n7. c", "markdown", "1. a\n2. b\n7) c"),
        ("&gt; q *b*\nc", "markdown", "> q **b**\n\nc"),
        ("a\n```x *y*\n  z```\nb", "markdown", "a\n\n```\nx *y*\n  z\n```\n\nb"),
        (
            "*a*\n# no heading\n- no list\n+ 1\n2020. yes",
            "markdown",
            "**a**\n\\# no heading\n\\- no list\n\\+ 1\n\n2020. yes",
        ),
        ("*a*\n  spaced", "markdown", "**a**\n&#32; spaced"),
        ("`a``b` *x*", "markdown", "`a``b` **x**"),
    ];
    for (text, format, wanted) in cases {
        let got = said(text);
        assert_eq!((got.text.as_deref(), got.text_format), (Some(wanted), format), "{text}");
    }
}

#[test]
fn mentions_and_html_for_teams() {
    let got = said("*hi* <@U1>, <@U2> &amp; <@U1>\n• x\n\n&gt; q\n```c &lt; d```");
    let entity = |id: &str, name: &str| json!({"type": "mention", "mentioned": {"id": id, "name": name}, "text": format!("<at>{name}</at>")});
    assert_eq!(got.entities, [entity("29:1", "Ann B."), entity("28:2", "Bo"), entity("29:1", "Ann B.")]);
    let html = "<p><strong>hi</strong> <at id=\"0\">Ann B.</at>, <at id=\"1\">Bo</at> &amp; <at id=\"2\">Ann B.</at></p>\
        <ul><li>x</li></ul><blockquote><p>q</p></blockquote><pre>c &lt; d</pre>";
    assert_eq!(got.attachments, [json!({"contentType": "text/html", "content": html})]);
    assert_eq!(said("plain").attachments, Vec::<Value>::new());
    let nested = said("• a\n    1. b\n    2. c\n• d\n_e_\nf").attachments[0]["content"].clone();
    assert_eq!(nested, "<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul><p><em>e</em><br>f</p>");
    let off = SlackMessage { text: "*a* <@U1> &lt;", ..SlackMessage::default() };
    let off = slack_to_activity(&off, &Few);
    assert_eq!((off.text.as_deref(), off.text_format), (Some("*a* <at>Ann B.</at> <"), "plain"));
    assert_eq!(serde_json::to_value(said("a")).unwrap(), json!({"text": "a", "textFormat": "plain"}));
}

#[test]
fn blocks_that_are_text() {
    let rich = json!([{"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [
            {"type": "text", "text": "lit *a* "}, {"type": "text", "text": "b", "style": {"bold": true}},
            {"type": "user", "user_id": "U1"}, {"type": "emoji", "name": "tada"}, {"type": "text", "text": "\n"}]},
        {"type": "rich_text_list", "style": "ordered", "offset": 2, "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "x", "style": {"code": true}}]},
            {"type": "rich_text_section", "elements": [{"type": "link", "url": "https://x.example", "text": "y"}]}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "p\nq"}]},
        {"type": "rich_text_quote", "elements": [{"type": "channel", "channel_id": "C1"}]}]}]);
    let got = shown(&rich);
    let wanted =
        "lit \\*a\\* **b**<at>Ann B.</at>🎉\n\n3. `x`\n4. [y](https://x.example)\n\n```\np\nq\n```\n\n> #ops";
    assert_eq!(got.text.as_deref(), Some(wanted));
    assert_eq!(got.attachments.len(), 1);
    let sections = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "*a* https://x.example"}},
        {"type": "markdown", "text": "## H <@U2>\n**b**"},
        {"type": "section", "text": {"type": "plain_text", "text": "*c* :tada:", "emoji": true}}]);
    let got = shown(&sections);
    assert_eq!(
        got.text.as_deref(),
        Some("**a** https://x.example\n\n## H <at>Bo</at>\n\n**b**\n\n\\*c\\* 🎉")
    );
    assert_eq!(shown(&json!([])).text.as_deref(), Some("fallback"));
}

#[test]
fn blocks_as_a_card() {
    let got = shown(&json!([
        {"type": "header", "text": {"type": "plain_text", "text": "Deploy :rocket:"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "by <@U1>"},
         "fields": [{"type": "mrkdwn", "text": "*Env*\nprod"}, {"type": "mrkdwn", "text": "*By*\n<@U2>"}],
         "accessory": {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://x.example"}},
        {"type": "divider"},
        {"type": "section", "text": {"type": "mrkdwn", "text": "seen"},
         "accessory": {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "i"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "l"}, {"type": "plain_text", "text": "r"}]},
        {"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Log"}, "url": "https://x.example/log"},
            {"type": "button", "text": {"type": "plain_text", "text": "Approve"}},
            {"type": "static_select", "placeholder": {"type": "plain_text", "text": "Pick"}, "options": []}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "small"}]}]));
    assert_eq!((got.text, got.summary.as_deref()), (None, Some("fallback")));
    assert_eq!(got.entities.len(), 2);
    let card = &got.attachments[0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["msteams"]["entities"], json!(got.entities));
    let small = |text: &str| json!({"type": "TextBlock", "text": text, "wrap": true, "size": "small", "isSubtle": true});
    let text = |text: &str| json!({"type": "TextBlock", "text": text, "wrap": true});
    let column = |text: Value, width: &str| json!({"type": "Column", "width": width, "items": [text]});
    assert_eq!(
        card["content"]["body"],
        json!([
            {"type": "TextBlock", "text": "Deploy 🚀", "wrap": true, "size": "large", "weight": "bolder"},
            text("by <at>Ann B.</at>"),
            {"type": "FactSet", "facts": [{"title": "Env", "value": "prod"}, {"title": "By", "value": "<at>Bo</at>"}]},
            {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "https://x.example"}]},
            {"type": "ColumnSet", "separator": true, "columns": [
                column(text("seen"), "stretch"),
                column(json!({"type": "Image", "url": "https://x.example/i.png", "altText": "i", "size": "medium"}), "auto")]},
            {"type": "ColumnSet", "columns": [column(text("l"), "stretch"), column(text("r"), "stretch")]},
            {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Log", "url": "https://x.example/log"}]},
            small("\\[Approve\\] \\[Pick\\]"),
            {"type": "TextBlock", "text": "a | b", "wrap": true, "fontType": "monospace"},
            small("small")
        ])
    );
}

#[test]
fn texts_of_activities() {
    let card = |content: Value| json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]});
    let ann = json!([{"type": "mention", "text": "<at>Ann</at>", "mentioned": {"id": "29:1"}},
        {"type": "mention", "text": "<at>Bo *</at>", "mentioned": {"id": "28:2"}}]);
    let cases = [
        (json!({"text": "done"}), "done"),
        (json!({"text": "**a** & <at>Ann B</at>"}), "*a* &amp; @Ann B"),
        (
            json!({"text": "**<at>Ann</at>**, <at>Bo *</at>: *x* `<at>Ann</at>`", "entities": ann}),
            "*<@U1>*, <@U2>: _x_ `&lt;at&gt;Ann&lt;/at&gt;`",
        ),
        (
            json!({"text": "<at id=\"0\">Ann</at> <at>Zoe</at>", "entities": ann, "textFormat": "plain"}),
            "<@U1> @Zoe",
        ),
        (json!({"text": "**a** <b>", "textFormat": "plain"}), "**a** &lt;b&gt;"),
        (json!({"text": "<!channel> <@U1> <#C1>"}), "&lt;!channel&gt; &lt;@U1&gt; &lt;#C1&gt;"),
        (json!({"text": "see https://x.example/a_b?c&d. **x**"}), "see <https://x.example/a_b?c&amp;d>. *x*"),
        (json!({"text": "see https://x.example.", "textFormat": "plain"}), "see <https://x.example>."),
        (
            json!({"text": "<b>a</b><br/>1 &lt; 2 <at id=\"0\">Ann</at>", "textFormat": "xml"}),
            "*a*\n1 &lt; 2 @Ann",
        ),
        (
            json!({"text": "<p>a\n <em>b</em></p>\n<ul><li>c<ol start=\"3\"><li>d</li></ol></li></ul><blockquote>q</blockquote><pre>x\n y</pre><a href=\"https://x.example?a&amp;b\">l</a><x>y</x>",
            "textFormat": "XML"}),
            "a _b_\n\n• c\n    3. d\n\n&gt; q\n\n```\nx\n y\n```\n\n<https://x.example?a&amp;b|l>y",
        ),
        (
            json!({"text": "<strong>a</strong><br>b <thing>\n\n<table><tr><td>c</td></tr></table>"}),
            "*a*\nb &lt;thing&gt;\n\n```\nc\n```",
        ),
        (json!({"text": "🎉 👍🏽 ❤️", "textFormat": "plain"}), ":tada: :+1::skin-tone-4: :heart:"),
        (json!({"text": "<at>open <attic>", "textFormat": "plain"}), "&lt;at&gt;open &lt;attic&gt;"),
        (json!({"Text": "a", "text": null}), ""),
        (json!({"TEXT": "a", "textformat": "PLAIN"}), "a"),
        (json!({"summary": "S & T", "attachments": [{}]}), "S &amp; T"),
        (card(json!({"fallbackText": "F", "body": []})), "F"),
        (card(json!({"speak": "<s>hi</s>"})), "~hi~"),
        (
            card(json!({"body": [
                {"type": "TextBlock", "text": "**T**"},
                {"type": "ColumnSet", "columns": [{"items": [{"type": "RichTextBlock", "inlines": ["a", {"text": "<b"}]}]}]},
                {"type": "FactSet", "facts": [{"title": "K:", "value": "V"}]}]})),
            "*T*\na&lt;b\n*K:*\nV",
        ),
        (
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.hero",
            "content": {"title": "T", "subtitle": "S", "text": "x"}}]}),
            "*T*\nS\nx",
        ),
        (
            json!({"attachments": [{"contentType": "image/png", "name": "a.png"}, {}]}),
            "[image: a.png]\n[attachment: card]",
        ),
        (json!({}), ""),
        (json!([]), ""),
    ];
    for (activity, wanted) in cases {
        assert_eq!(text_of(&activity), wanted, "{activity}");
    }
    assert_eq!(activity_to_slack_text(b"\xff", &Few), "");
}

/// A text of which Slack's generated block says everything gets no blocks of its own.
#[test]
fn blocks_of_texts() {
    for (text, generated) in [
        ("Build 7 of 9, grüße (ok)!", true),
        ("**a**", false),
        ("2 * 3 * 4", false),
        ("a: b", false),
        ("", true),
    ] {
        assert_eq!(blocks_of(&json!({"text": text})).is_null(), generated, "{text}");
    }
    let activity = json!({"text": "lit \\*a\\*\n\n- **b**\n- 🎉\n  1. c\n\n> q\n\n```\nx\n```\n\n[l](https://x.example) <at>Ann</at>",
        "entities": [{"type": "mention", "text": "<at>Ann</at>", "mentioned": {"id": "29:1"}}]});
    let section = |elements: Value| json!({"type": "rich_text_section", "elements": elements});
    assert_eq!(
        blocks_of(&activity),
        json!([{"type": "rich_text", "block_id": "t0", "elements": [
            section(json!([{"type": "text", "text": "lit *a*\n"}])),
            {"type": "rich_text_list", "style": "bullet", "indent": 0, "border": 0, "elements": [
                section(json!([{"type": "text", "text": "b", "style": {"bold": true}}])),
                section(json!([{"type": "emoji", "name": "tada", "unicode": "1f389"}]))]},
            {"type": "rich_text_list", "style": "ordered", "indent": 1, "border": 0,
                "elements": [section(json!([{"type": "text", "text": "c"}]))]},
            section(json!([])),
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "q"}]},
            section(json!([])),
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]},
            section(json!([{"type": "text", "text": "\n"}, {"type": "link", "url": "https://x.example", "text": "l"},
                {"type": "text", "text": " "}, {"type": "user", "user_id": "U1"}]))]}])
    );
}

fn normal(blocks: &Value) {
    let mut next = 0;
    let mut new_id = || {
        next += 1;
        format!("new{next}")
    };
    let checked = blocks::normalise(&blocks.to_string(), &mut new_id);
    let checked = checked.unwrap_or_else(|fault| panic!("{fault:?}: {blocks}"));
    assert_eq!(serde_json::from_str::<Value>(&checked.json).unwrap(), *blocks, "defaults are missing");
}

fn adaptive(content: &Value) -> Value {
    json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]})
}

#[test]
fn cards_as_blocks() {
    let made = blocks_of(&json!({"text": "see", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "body": [
            {"type": "TextBlock", "text": "Deploy 🚀", "size": "Large"},
            {"type": "TextBlock", "text": "by <at>Ann</at>", "weight": "bolder"},
            {"type": "TextBlock", "text": "small", "isSubtle": true, "separator": true},
            {"type": "TextBlock", "text": "hidden", "isVisible": false},
            {"type": "RichTextBlock", "inlines": ["a ", {"type": "TextRun", "text": "b", "italic": true},
                {"type": "TextRun", "text": "c", "selectAction": {"type": "Action.OpenUrl", "url": "https://x.example"}}]},
            {"type": "Image", "url": "https://x.example/i.png", "altText": "i"},
            {"type": "Image", "url": "data:image/png;base64,AA", "altText": "inline"},
            {"type": "FactSet", "facts": [{"title": "Env", "value": "**prod**"}]},
            {"type": "ColumnSet", "columns": [{"items": [{"type": "TextBlock", "text": "l"}]}, {"items": [{"type": "TextBlock", "text": "r"}]}]},
            {"type": "ColumnSet", "columns": [{"items": [{"type": "TextBlock", "text": "t"}]},
                {"items": [{"type": "Image", "url": "https://x.example/p.png"}]}]},
            {"type": "Container", "items": [{"type": "TextBlock", "text": "in"}]},
            {"type": "Input.ChoiceSet", "label": "Pick", "choices": [{"title": "A"}, {"title": "B"}]},
            {"type": "Chart.Donut"},
            {"type": "Table", "rows": [{"cells": [{"items": [{"type": "TextBlock", "text": "c"}]}]}]}],
         "actions": [{"type": "Action.OpenUrl", "title": "Go", "url": "https://x.example"},
            {"type": "Action.Submit", "title": "Yes", "id": "yes", "style": "positive"}],
         "msteams": {"entities": [{"type": "mention", "text": "<at>Ann</at>", "mentioned": {"id": "29:1"}}]}}}]}));
    let text = |text: &str| json!({"type": "mrkdwn", "text": text, "verbatim": true});
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": true});
    let wanted = [
        json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "see"}]}]}),
        json!({"type": "header", "text": plain("Deploy :rocket:")}),
        json!({"type": "section", "text": text("*by <@U1>*")}),
        json!({"type": "divider"}),
        json!({"type": "context", "elements": [text("small")]}),
        json!({"type": "section", "text": text("a _b_<https://x.example|c>")}),
        json!({"type": "image", "image_url": "https://x.example/i.png", "alt_text": "i"}),
        json!({"type": "context", "elements": [text("[image: inline]")]}),
        json!({"type": "section", "fields": [text("*Env*\n*prod*")]}),
        json!({"type": "section", "fields": [text("l"), text("r")]}),
        json!({"type": "section", "text": text("t"),
            "accessory": {"type": "image", "image_url": "https://x.example/p.png", "alt_text": "picture"}}),
        json!({"type": "section", "text": text("in")}),
        json!({"type": "context", "elements": [text("[input: Pick: A, B]")]}),
        json!({"type": "context", "elements": [text("[Chart.Donut]")]}),
        json!({"type": "table", "rows": [[{"type": "raw_text", "text": "c"}]]}),
        json!({"type": "actions", "elements": [
            {"type": "button", "action_id": "t1", "text": plain("Go"), "url": "https://x.example"},
            {"type": "button", "action_id": "yes", "text": plain("Yes"), "style": "primary"}]}),
    ];
    normal(&made);
    let made = made.as_array().unwrap();
    assert_eq!(made.len(), wanted.len());
    for (number, (made, mut wanted)) in made.iter().zip(wanted).enumerate() {
        wanted["block_id"] = json!(format!("t{number}"));
        assert_eq!(*made, wanted);
    }
}

#[test]
fn other_attachments_as_blocks() {
    let card = |kind: &str, content: Value| {
        blocks_of(
            &json!({"attachments": [{"contentType": format!("application/vnd.microsoft.{kind}"), "content": content}]}),
        )
    };
    let images = json!([{"url": "https://x.example/i.png", "alt": "i"}]);
    let buttons = json!([{"type": "openUrl", "title": "Go", "value": "https://x.example"}, {"type": "imBack", "title": "Say", "value": "x"}]);
    let hero = card(
        "card.hero",
        json!({"title": "T", "subtitle": "S", "text": "**x**", "images": images, "buttons": buttons}),
    );
    assert_eq!(hero[0]["text"]["text"], "*T*\nS\n*x*");
    assert_eq!(hero[1]["image_url"], "https://x.example/i.png");
    assert_eq!(
        (&hero[2]["elements"][0]["url"], &hero[2]["elements"][1]["url"]),
        (&json!("https://x.example"), &Value::Null)
    );
    let thumbnail = card("card.thumbnail", json!({"title": "T", "images": images}));
    assert_eq!(
        (&thumbnail[0]["type"], &thumbnail[0]["accessory"]["alt_text"]),
        (&json!("section"), &json!("i"))
    );
    let receipt = card(
        "card.receipt",
        json!({"title": "T", "facts": [{"key": "K", "value": "V"}],
        "items": [{"title": "Tea", "quantity": "2", "price": "4"}], "total": "4"}),
    );
    assert_eq!(receipt[1]["fields"][0]["text"], "*K*\nV");
    assert_eq!(receipt[2]["text"]["text"], "Tea · 2 · 4");
    assert_eq!(receipt[3]["fields"][0]["text"], "*Total*\n4");
    let office = card(
        "teams.card.o365connector",
        json!({"title": "T", "sections": [{"text": "a", "facts": [{"name": "n", "value": "v"}]}],
        "potentialAction": [{"name": "Open", "targets": [{"uri": "https://x.example"}]}]}),
    );
    assert_eq!(
        (&office[1]["text"]["text"], &office[2]["fields"][0]["text"]),
        (&json!("a"), &json!("*n*\nv"))
    );
    assert_eq!(office[3]["elements"][0]["url"], "https://x.example");
    let file = blocks_of(
        &json!({"attachments": [{"contentType": "application/pdf", "name": "a.pdf", "contentUrl": "https://x.example/a"},
        {"contentType": "image/png", "contentUrl": "https://x.example/b.png", "name": "b"}, {"contentType": "x.card.list"}]}),
    );
    assert_eq!(file[0]["text"]["text"], "<https://x.example/a|[attachment: a.pdf]>");
    assert_eq!((&file[1]["type"], &file[1]["alt_text"]), (&json!("image"), &json!("b")));
    assert_eq!(file[2]["text"]["text"], "[attachment: list]");
    for blocks in [hero, thumbnail, receipt, office, file] {
        normal(&blocks);
    }
}

#[test]
fn slack_attachments_as_cards() {
    let attachments = json!([
        {"id": 1, "fallback": "f", "color": "36a64f", "pretext": "*p*", "author_name": "Ann", "title": "T",
         "title_link": "https://x.example", "text": "see <@U2>", "fields": [{"title": "K", "value": "_v_", "short": true}],
         "image_url": "https://x.example/i.png", "footer": "foot",
         "actions": [{"type": "button", "text": "Go", "url": "https://x.example/go"}, {"type": "button", "text": "Old"}]},
        {"id": 2, "fallback": "[no preview available]", "blocks": [{"type": "divider"}, {"type": "section", "text": {"type": "mrkdwn", "text": "in"}}]},
        {"id": 3, "fallback": "only this"}])
    .to_string();
    let message = SlackMessage { text: "hi", markup: true, blocks: None, attachments: Some(&attachments) };
    let got = slack_to_activity(&message, &Few);
    assert_eq!((got.text.as_deref(), got.attachments.len()), (Some("hi"), 3));
    let body = |number: usize| got.attachments[number]["content"]["body"].clone();
    let texts: Vec<Value> =
        body(0).as_array().unwrap().iter().map(|element| element["text"].clone()).collect();
    assert_eq!(
        texts,
        [
            json!("**p**"),
            json!("Ann"),
            json!("[T](https://x.example)"),
            json!("see <at>Bo</at>"),
            Value::Null,
            Value::Null,
            Value::Null,
            json!("\\[Old\\]"),
            json!("foot")
        ]
    );
    assert_eq!(body(0)[4]["facts"], json!([{"title": "K", "value": "_v_"}]));
    assert_eq!(body(0)[5]["url"], "https://x.example/i.png");
    assert_eq!(body(0)[6]["actions"][0]["url"], "https://x.example/go");
    assert_eq!(body(1), json!([{"type": "TextBlock", "text": "in", "wrap": true, "separator": true}]));
    assert_eq!(body(2)[0]["text"], "only this");
}

/// What was too long is cut where nothing is left open.
#[test]
fn limits_of_blocks() {
    let link = "[label](https://x.example/some/long/address) ";
    let long = adaptive(&json!({"body": [{"type": "TextBlock", "text": link.repeat(100)}]}));
    let made = blocks_of(&long);
    normal(&made);
    let text = made[0]["text"]["text"].as_str().unwrap();
    assert!(text.ends_with("|label>…") && text.chars().count() <= 3_000, "{text}");
    let fence = adaptive(
        &json!({"body": [{"type": "TextBlock", "text": format!("```\n{}\n```", "x & ".repeat(2_000))}]}),
    );
    assert!(blocks_of(&fence)[0]["text"]["text"].as_str().unwrap().ends_with("…\n```"));
    let many = adaptive(&json!({"body": vec![json!({"type": "TextBlock", "text": "x"}); 80],
        "actions": vec![json!({"type": "Action.Submit", "title": "b"}); 40]}));
    let made = blocks_of(&many);
    normal(&made);
    assert_eq!(made.as_array().unwrap().len(), blocks::BLOCKS_MAX);
    assert_eq!(made[49]["elements"][0]["text"], "More is not shown.");
    let much = adaptive(&json!({"body": vec![json!({"type": "TextBlock", "text": "x".repeat(2_900)}); 8]}));
    normal(&blocks_of(&much));
    let mut element = json!({"type": "TextBlock", "text": "deep"});
    for _ in 0..60 {
        element = json!({"type": "Container", "items": [element]});
    }
    assert_eq!(text_of(&adaptive(&json!({"body": [element]}))), "[attachment: adaptive]");
    let both = json!({"text": "**long** ".repeat(3_000), "attachments": [{"contentType": "x.card.hero", "content": {"title": "T"}}]});
    let made = blocks_of(&both);
    normal(&made);
    assert_eq!(made[1]["text"]["text"], "*T*");
    assert_eq!(blocks_of(&json!({"text": "**long** ".repeat(3_000)})), Value::Null);
}

#[test]
fn what_the_notations_cannot_say() {
    let cases = [
        (json!({"text": "[l](https://x.example/a|b)"}), "<https://x.example/a%7Cb|l>"),
        (json!({"text": "~~~\na```b\n~~~"}), "```\na``\u{200B}`b\n```"),
        (json!({"text": "<b>a </b>b<i> c</i>", "textFormat": "xml"}), "*a* b _c_"),
        (json!({"text": "\u{FDD0}\u{F0000} <at>Ann</at>"}), "\u{F0000} @Ann"),
    ];
    for (activity, wanted) in cases {
        assert_eq!(text_of(&activity), wanted, "{activity}");
    }
    assert_eq!(activity_to_slack_text(br#"{"text":"a","TEXT":"b","Text":"c"}"#, &Few), "a");
    assert_eq!(activity_to_slack_text(br#"{"TEXT":"b","text":"a"}"#, &Few), "a");
    let person = json!({"text": "rich", "attachments": [{"contentType": "text/html", "content": "<p><b>rich</b></p>"}]});
    assert_eq!(blocks_of(&person), Value::Null);
}

/// More than one block can hold goes on in the next.
#[test]
fn limits_of_elements() {
    let kinds = |content: &Value| {
        let made = blocks_of(&adaptive(content));
        normal(&made);
        made.as_array()
            .unwrap()
            .iter()
            .map(|block| block["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let text = |text: String| json!({"type": "TextBlock", "text": text});
    let row = json!({"cells": vec![json!({"items": [text("c".repeat(3))]}); 25]});
    assert_eq!(kinds(&json!({"body": [{"type": "Table", "rows": vec![row; 120]}]})), ["table"]);
    let facts = vec![json!({"title": "k", "value": "v"}); 23];
    assert_eq!(kinds(&json!({"body": [{"type": "FactSet", "facts": facts}]})), ["section"; 3]);
    let action = json!({"type": "Action.Submit", "title": "t".repeat(80), "id": "i".repeat(300)});
    assert_eq!(kinds(&json!({"actions": vec![action; 40]})), ["actions"; 2]);
    let made = blocks_of(&adaptive(&json!({"body": [text(format!("a{}", "&".repeat(2_000)))]})));
    normal(&made);
    assert!(made[0]["text"]["text"].as_str().unwrap().ends_with("&amp;…"), "{made}");
}

#[test]
fn limits_of_activities() {
    let attachments = json!(vec![json!({"title": "T", "text": "x".repeat(3_000)}); 40]).to_string();
    let message = SlackMessage { text: "hi", markup: true, blocks: None, attachments: Some(&attachments) };
    let made = slack_to_activity(&message, &Few);
    assert_eq!((made.text.as_deref(), made.attachments.len()), (Some("hi"), 14));
    let long = "*x* ".repeat(20_000);
    let made = slack_to_activity(&SlackMessage { text: &long, ..message }, &Few);
    assert!(made.text.unwrap().starts_with("**x**"));
}
