//! What becomes of each element on its way to the other API, as data: documented in `docs/TRANSLATION.md`, and each row
//! holds an example that a test translates.

use std::fmt::Write as _;

/// Which way an element goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A Slack message that a Teams bot reads.
    ToTeams,
    /// A Teams bot's activity that is read over Slack.
    ToSlack,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It says and does the same.
    Kept,
    /// The other API shows it in another way, described here.
    Changed(&'static str),
    /// It is not there, for this reason.
    Lost(&'static str),
}

/// One row of the table of losses.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which way it goes.
    pub way: Way,
    /// What it is called where it comes from.
    pub element: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// To Teams: a mrkdwn text, or a JSON array of blocks, or of attachments if the element's name begins so. To Slack: a
    /// text in Markdown, or a JSON array of card elements, or the JSON object of an activity.
    pub example: &'static str,
    /// A part of what comes out. What is lost says nothing of this there.
    pub shows: &'static str,
}

/// The document that holds the table.
pub fn document() -> String {
    let mut out = String::from(INTRODUCTION);
    for (way, heading) in [
        (ToTeams, "A Slack message, read by a Teams bot"),
        (ToSlack, "A Teams bot's activity, read over Slack"),
    ] {
        let _ = write!(out, "\n## {heading}\n\n| element | is | into what, or why |\n|---|---|---|\n");
        for row in LOSSES.iter().filter(|row| row.way == way) {
            let (fate, how) = match row.fate {
                Kept => ("kept", ""),
                Changed(into) => ("changed", into),
                Lost(why) => ("lost", why),
            };
            let _ = writeln!(out, "| {} | {fate} | {how} |", row.element);
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Translation

What a message of one API looks like to readers of the other. A message stays what it was to readers of its own API: translation is
made when it is read and never stored in its place. This document is printed from the table in
`crates/wire/src/translate/losses.rs`; a test compares the two, and translates an example of every row.

- **kept**: it says and does the same on the other side.
- **changed**: it becomes what the last column says.
- **lost**: it is not there, for the reason in the last column.

A Slack message without blocks becomes the activity's `text`: `plain`, or `markdown` where plain text would not do; then `text/html`
stands beside it, as with a person's message in Teams. Blocks that are text only become `text` as well. Other blocks become one
Adaptive Card that holds everything; then there is no `text`, and `summary` has Slack's fallback. An activity's text becomes `text` and a
`rich_text` block, its attachments further blocks.
";

use Fate::{Changed, Kept, Lost};
use Way::{ToSlack, ToTeams};

const fn row(way: Way, element: &'static str, fate: Fate, example: &'static str, shows: &'static str) -> Row {
    Row { way, element, fate, example, shows }
}

/// The table. What is not in it is an element that neither side documents.
pub const LOSSES: &[Row] = &[
    row(ToTeams, "`*bold*` `_italic_` `~strike~`", Kept, "*b* _i_ ~s~", "**b** _i_ ~~s~~"),
    row(ToTeams, "`` `code` ``, preformatted text", Kept, "`c`\n```d```", "`c`\n\n```\nd\n```"),
    row(ToTeams, "`>` quote", Kept, "&gt; q", "> q"),
    row(
        ToTeams,
        "lists, of `•` or numbers, four spaces for each depth",
        Kept,
        "• a\n    1. b",
        "- a\n  1. b",
    ),
    row(ToTeams, "`-` at the beginning of a line", Kept, "*x*\n- a", "\\\\- a"),
    row(ToTeams, "`*`, `_`, `~` that mean nothing", Kept, "*x* 2 * 3 * 4", "**x** 2 \\\\* 3 \\\\* 4"),
    row(ToTeams, "`&amp;`, `&lt;`, `&gt;`", Changed("the characters"), "a &lt; b &amp; c", "a < b & c"),
    row(
        ToTeams,
        "links, mail addresses",
        Kept,
        "<https://x.example|l> <mailto:a@x.example>",
        "[l](https://x.example) <a@x.example>",
    ),
    row(ToTeams, "`<@U…>`", Kept, "<@U1>", "<at>Ann B.</at>"),
    row(ToTeams, "`<@U…>` of nobody here", Changed("`@` and the label or id"), "<@U9|zoe>", "@zoe"),
    row(
        ToTeams,
        "`<#C…>`",
        Changed("`#name`; of channels that the bot does not see `#` and the label or id"),
        "<#C1> <#C9>",
        "#ops #C9",
    ),
    row(
        ToTeams,
        "`<!here>`, `<!channel>`, `<!everyone>`",
        Changed("`@here`, which alerts nobody"),
        "<!here>",
        "@here",
    ),
    row(ToTeams, "`<!subteam^…>`", Changed("`@` and the label or id"), "<!subteam^S1|@ops>", "@ops"),
    row(
        ToTeams,
        "`<!date^…>`",
        Changed("its fallback text, linked if it has an address"),
        "<!date^1^{date}|Jan 1>",
        "Jan 1",
    ),
    row(
        ToTeams,
        "`:emoji:` of Unicode, skin tones too",
        Changed("the character"),
        ":tada: :wave::skin-tone-3:",
        "🎉 👋🏼",
    ),
    row(ToTeams, "`:emoji:` of the workspace", Changed("its name as text"), ":ours:", ":ours:"),
    row(
        ToTeams,
        "spaces at the ends of lines",
        Lost("Markdown would take them for a line break"),
        "*a*  \nb",
        "a**  ",
    ),
    row(
        ToTeams,
        "a line right behind a list, quote or code",
        Changed("a blank line comes between, which Markdown needs"),
        "• a\nb",
        "- a\n\nb",
    ),
    row(
        ToTeams,
        "`rich_text` block",
        Changed("`text`; beside other blocks a `TextBlock`"),
        r#"[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"b","style":{"bold":true}}]}]}]"#,
        "**b**",
    ),
    row(
        ToTeams,
        "`color` in `rich_text`",
        Changed("its value as text"),
        r##"[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"color","value":"#FF0000"}]}]}]"##,
        "#FF0000",
    ),
    row(
        ToTeams,
        "`section` with text only",
        Changed("`text`; beside other blocks a `TextBlock`"),
        r#"[{"type":"section","text":{"type":"mrkdwn","text":"*b*"}}]"#,
        "**b**",
    ),
    row(
        ToTeams,
        "`markdown` block",
        Changed("`text`; beside other blocks a `TextBlock`"),
        r#"[{"type":"markdown","text":"**b**"}]"#,
        "**b**",
    ),
    row(
        ToTeams,
        "`header`",
        Changed("`TextBlock`, large and bolder"),
        r#"[{"type":"header","text":{"type":"plain_text","text":"H"}}]"#,
        r#""size":"large","text":"H","type":"TextBlock","weight":"bolder""#,
    ),
    row(
        ToTeams,
        "`section` fields with a bold first line each",
        Changed("`FactSet`"),
        r#"[{"type":"section","fields":[{"type":"mrkdwn","text":"*K*\nv"}]}]"#,
        r#"{"facts":[{"title":"K","value":"v"}],"type":"FactSet"}"#,
    ),
    row(
        ToTeams,
        "`section` fields, others",
        Changed("`ColumnSet`s of two"),
        r#"[{"type":"section","fields":[{"type":"mrkdwn","text":"a"},{"type":"mrkdwn","text":"b"}]}]"#,
        r#""type":"ColumnSet""#,
    ),
    row(
        ToTeams,
        "`section` accessory `image`",
        Changed("`ColumnSet` of the text and an `Image`"),
        r#"[{"type":"section","text":{"type":"mrkdwn","text":"a"},"accessory":{"type":"image","image_url":"https://x.example/i","alt_text":"i"}}]"#,
        r#""type":"ColumnSet""#,
    ),
    row(
        ToTeams,
        "`image`",
        Changed("`Image`, its title a `TextBlock`"),
        r#"[{"type":"image","image_url":"https://x.example/i","alt_text":"i"}]"#,
        r#""altText":"i""#,
    ),
    row(
        ToTeams,
        "`image` of a Slack file",
        Changed("`[image: alternative text]`: the file is behind Slack's authentication"),
        r#"[{"type":"image","slack_file":{"id":"F1"},"alt_text":"i"}]"#,
        "[image: i",
    ),
    row(
        ToTeams,
        "`context`",
        Changed("small, subtle `TextBlock`s and small `Image`s, one below the other"),
        r#"[{"type":"context","elements":[{"type":"mrkdwn","text":"c"}]}]"#,
        r#""isSubtle":true,"size":"small","text":"c""#,
    ),
    row(
        ToTeams,
        "`divider`",
        Changed("a separator of the next element; at the end nothing"),
        r#"[{"type":"divider"},{"type":"header","text":{"type":"plain_text","text":"H"}}]"#,
        r#""separator":true"#,
    ),
    row(
        ToTeams,
        "button with an address",
        Changed("`Action.OpenUrl`"),
        r#"[{"type":"actions","elements":[{"type":"button","url":"https://x.example","text":{"type":"plain_text","text":"Go"}}]}]"#,
        r#"{"title":"Go","type":"Action.OpenUrl","url":"https://x.example"}"#,
    ),
    row(
        ToTeams,
        "other buttons, menus, pickers",
        Changed("`[label]`: what they do is done in Slack"),
        r#"[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Yes"}}]}]"#,
        "[Yes",
    ),
    row(
        ToTeams,
        "`confirm`, `style` and `value` of buttons",
        Lost("nothing is pressed"),
        r#"[{"type":"actions","elements":[{"type":"button","value":"secret","style":"danger","text":{"type":"plain_text","text":"Yes"}}]}]"#,
        "secret",
    ),
    row(
        ToTeams,
        "`table`",
        Changed("preformatted text: tables need a later version of the schema than all clients have"),
        r#"[{"type":"table","rows":[[{"type":"raw_text","text":"a"},{"type":"raw_text","text":"b"}]]}]"#,
        "a | b",
    ),
    row(
        ToTeams,
        "`video`",
        Changed("its title as a link, its description, its preview as an `Image`"),
        r#"[{"type":"video","title":{"type":"plain_text","text":"V"},"video_url":"https://x.example/v","thumbnail_url":"https://x.example/i","alt_text":"v"}]"#,
        "[V](https://x.example/v)",
    ),
    row(
        ToTeams,
        "`file`",
        Changed("`[file: external id]`"),
        r#"[{"type":"file","external_id":"ABC","source":"remote"}]"#,
        "[file: ABC",
    ),
    row(
        ToTeams,
        "`input`",
        Changed("`[input: label]`"),
        r#"[{"type":"input","label":{"type":"plain_text","text":"Name"}}]"#,
        "[input: Name",
    ),
    row(ToTeams, "other blocks", Changed("`[type]`"), r#"[{"type":"call","call_id":"R1"}]"#, "[call"),
    row(
        ToTeams,
        "Slack's fallback `text` beside blocks",
        Changed("`summary` where there is a card, else nothing: clients do not show it"),
        r#"[{"type":"file","external_id":"ABC"}]"#,
        r#""summary":"fallback""#,
    ),
    row(
        ToTeams,
        "attachment: `pretext`, `author_name`, `title`, `text`, `image_url`, `thumb_url`, `footer`",
        Changed("an Adaptive Card of its own"),
        r#"attachments[{"title":"T","text":"*x*","footer":"f"}]"#,
        "**x**",
    ),
    row(
        ToTeams,
        "attachment: `fields`",
        Changed("`FactSet`"),
        r#"attachments[{"fields":[{"title":"K","value":"v"}]}]"#,
        r#"{"title":"K","value":"v"}"#,
    ),
    row(
        ToTeams,
        "attachment: `blocks`",
        Changed("an Adaptive Card of its own"),
        r#"attachments[{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*b*"}}]}]"#,
        "**b**",
    ),
    row(
        ToTeams,
        "attachment: `color`, `ts`, icons, `short`",
        Lost("cards have no place for them"),
        r#"attachments[{"text":"x","color":"36a64f"}]"#,
        "36a64f",
    ),
    row(
        ToTeams,
        "`metadata`, `unfurl_links`, custom name and picture",
        Lost("they are no part of what a message says"),
        "x",
        "metadata",
    ),
    row(
        ToSlack,
        "Markdown: bold, italic, strike-through, code",
        Kept,
        "**b** _i_ ~~s~~ `c`",
        "*b* _i_ ~s~ `c`",
    ),
    row(
        ToSlack,
        "Markdown: lists, quotes, preformatted text",
        Kept,
        "- a\n  1. b\n\n> q\n\n```\nc\n```",
        "• a\n    1. b\n\n&gt; q\n\n```\nc\n```",
    ),
    row(ToSlack, "Markdown: headings", Changed("a bold line"), "# H", "*H*"),
    row(
        ToSlack,
        "Markdown: tables",
        Changed("preformatted text"),
        "|a|b|\n|-|-|\n|c|d|",
        "```\na | b\nc | d\n```",
    ),
    row(
        ToSlack,
        "Markdown: pictures",
        Changed("links"),
        "![i](https://x.example/i)",
        "<https://x.example/i|i>",
    ),
    row(
        ToSlack,
        "links, addresses",
        Kept,
        "[l](https://x.example) https://y.example",
        "<https://x.example|l> <https://y.example>",
    ),
    row(
        ToSlack,
        "links that are not absolute",
        Changed("the label, with the address behind it"),
        "[l](a.md)",
        "l (a.md)",
    ),
    row(
        ToSlack,
        "styles inside a link's label",
        Lost("a label of mrkdwn has none"),
        "[**l**](https://x.example)",
        "*l*",
    ),
    row(ToSlack, "more than one blank line", Changed("one"), "a\n\n\n\nb", "a\n\nb"),
    row(
        ToSlack,
        "characters that mrkdwn would take for marks",
        Changed("kept in the `rich_text` block; in `text` and in cards Slack may see a style"),
        "\\*a\\*",
        r#"{"text":"*a*","type":"text"}"#,
    ),
    row(ToSlack, "a backtick in a span of code", Changed("`ˋ`"), "`` a`b ``", "`aˋb`"),
    row(
        ToSlack,
        "`<at>` with an entity",
        Kept,
        r#"{"text":"<at>Ann</at>","entities":[{"type":"mention","text":"<at>Ann</at>","mentioned":{"id":"29:1"}}]}"#,
        "<@U1>",
    ),
    row(ToSlack, "`<at>` without an entity, or of nobody here", Changed("`@Name`"), "<at>Ann</at>", "@Ann"),
    row(
        ToSlack,
        "`<@U…>`, `<!channel>`",
        Changed("text that mentions nobody"),
        "<!channel>",
        "&lt;!channel&gt;",
    ),
    row(ToSlack, "emoji", Changed("`:name:`"), "🎉", ":tada:"),
    row(ToSlack, "`textFormat` `plain`", Kept, r#"{"text":"a < b","textFormat":"plain"}"#, "a &lt; b"),
    row(
        ToSlack,
        "`textFormat` `xml`: `b` `i` `s` `code` `a` `br` `p` `h1`… `ul` `ol` `blockquote` `pre` `table`",
        Kept,
        r#"{"text":"<b>x</b><ul><li>y</li></ul>","textFormat":"xml"}"#,
        "*x*\n• y",
    ),
    row(
        ToSlack,
        "`u`, `sub`, `sup`, `font`, `span` in HTML",
        Lost("mrkdwn has no such styles; the words stay"),
        r#"{"text":"<u>x</u>","textFormat":"xml"}"#,
        "<u>",
    ),
    row(ToSlack, "other tags", Changed("text in Markdown; left out in `xml`"), "<thing>", "&lt;thing&gt;"),
    row(
        ToSlack,
        "`TextBlock`",
        Changed("`section`"),
        r#"[{"type":"TextBlock","text":"**b**"}]"#,
        r#""text":"*b*""#,
    ),
    row(
        ToSlack,
        "`TextBlock`, large or a heading",
        Changed("`header`, up to 150 characters and without styles; longer a bold `section`"),
        r#"[{"type":"TextBlock","text":"H","size":"large"}]"#,
        r#""type":"header""#,
    ),
    row(
        ToSlack,
        "`TextBlock`, subtle or small",
        Changed("`context`"),
        r#"[{"type":"TextBlock","text":"s","isSubtle":true}]"#,
        r#""type":"context""#,
    ),
    row(
        ToSlack,
        "`TextBlock`, bolder or monospaced",
        Changed("bold or preformatted text"),
        r#"[{"type":"TextBlock","text":"m","fontType":"monospace"}]"#,
        r#"```\nm\n```"#,
    ),
    row(
        ToSlack,
        "colours, alignment, `maxLines`, backgrounds",
        Lost("blocks have none"),
        r#"[{"type":"TextBlock","text":"x","color":"attention"}]"#,
        "attention",
    ),
    row(
        ToSlack,
        "`{{DATE(…)}}`, `{{TIME(…)}}`",
        Changed("shown as written"),
        r#"[{"type":"TextBlock","text":"{{DATE(2026-01-01T00:00:00Z)}}"}]"#,
        "{{DATE(2026-01-01T00:00:00Z)}}",
    ),
    row(
        ToSlack,
        "`RichTextBlock`",
        Changed("`section`; runs keep bold, italic, strike-through, code and links"),
        r#"[{"type":"RichTextBlock","inlines":["a",{"type":"TextRun","text":" b","weight":"bolder"}]}]"#,
        "a *b*",
    ),
    row(
        ToSlack,
        "`Image`, `ImageSet`",
        Changed("`image` blocks"),
        r#"[{"type":"Image","url":"https://x.example/i","altText":"i"}]"#,
        r#""image_url":"https://x.example/i""#,
    ),
    row(
        ToSlack,
        "`Image` in a `data:` address",
        Changed("`[image: alternative text]`"),
        r#"[{"type":"Image","url":"data:image/png;base64,AA","altText":"i"}]"#,
        "[image: i]",
    ),
    row(
        ToSlack,
        "`Media`",
        Changed("links to its sources"),
        r#"[{"type":"Media","altText":"m","sources":[{"url":"https://x.example/m"}]}]"#,
        "<https://x.example/m|m>",
    ),
    row(
        ToSlack,
        "`FactSet`",
        Changed("`section` fields"),
        r#"[{"type":"FactSet","facts":[{"title":"K","value":"v"}]}]"#,
        r#"*K*\nv"#,
    ),
    row(
        ToSlack,
        "`Container`, `Column`, carousels",
        Changed("what they contain, in order"),
        r#"[{"type":"Container","items":[{"type":"TextBlock","text":"in"}]}]"#,
        r#""text":"in""#,
    ),
    row(
        ToSlack,
        "`ColumnSet` of one `TextBlock` each",
        Changed("`section` fields"),
        r#"[{"type":"ColumnSet","columns":[{"items":[{"type":"TextBlock","text":"l"}]},{"items":[{"type":"TextBlock","text":"r"}]}]}]"#,
        r#""fields""#,
    ),
    row(
        ToSlack,
        "`ColumnSet` of texts and a picture",
        Changed("`section` with the picture as accessory"),
        r#"[{"type":"ColumnSet","columns":[{"items":[{"type":"TextBlock","text":"l"}]},{"items":[{"type":"Image","url":"https://x.example/i"}]}]}]"#,
        r#""accessory""#,
    ),
    row(
        ToSlack,
        "`ColumnSet`, others",
        Changed("what the columns contain, in order"),
        r#"[{"type":"ColumnSet","columns":[{"items":[{"type":"TextBlock","text":"l"},{"type":"TextBlock","text":"m"}]}]}]"#,
        r#""text":"m""#,
    ),
    row(
        ToSlack,
        "`Table`",
        Changed("`table` of plain texts, the first of a message; others what they contain, in order"),
        r#"[{"type":"Table","rows":[{"cells":[{"items":[{"type":"TextBlock","text":"c"}]}]}]}]"#,
        r#"{"text":"c","type":"raw_text"}"#,
    ),
    row(
        ToSlack,
        "`separator`",
        Changed("`divider`"),
        r#"[{"type":"TextBlock","text":"a"},{"type":"TextBlock","text":"b","separator":true}]"#,
        r#""type":"divider""#,
    ),
    row(
        ToSlack,
        "`isVisible: false`",
        Lost("it is not shown in Teams either"),
        r#"[{"type":"TextBlock","text":"ghost","isVisible":false}]"#,
        "ghost",
    ),
    row(
        ToSlack,
        "`Action.OpenUrl`",
        Changed("button with the address"),
        r#"[{"type":"ActionSet","actions":[{"type":"Action.OpenUrl","title":"Go","url":"https://x.example"}]}]"#,
        r#""url":"https://x.example""#,
    ),
    row(
        ToSlack,
        "`Action.Submit`, `Action.Execute`",
        Changed("button that is shown and tells the bot nothing"),
        r#"[{"type":"ActionSet","actions":[{"type":"Action.Submit","title":"Yes","id":"yes"}]}]"#,
        r#""action_id":"yes""#,
    ),
    row(
        ToSlack,
        "`data` and `verb` of actions, `selectAction`, `refresh`",
        Lost("only Teams' clients send them"),
        r#"[{"type":"ActionSet","actions":[{"type":"Action.Execute","title":"Yes","verb":"vote"}]}]"#,
        "vote",
    ),
    row(
        ToSlack,
        "`Action.ShowCard`, `Action.ToggleVisibility`",
        Changed("button that is shown; the card behind it is not"),
        r#"[{"type":"ActionSet","actions":[{"type":"Action.ShowCard","title":"More","card":{}}]}]"#,
        r#""text":"More""#,
    ),
    row(
        ToSlack,
        "`Input.…`",
        Changed("`[input: label]`, with the choices"),
        r#"[{"type":"Input.Text","label":"Name","id":"n"}]"#,
        "[input: Name]",
    ),
    row(
        ToSlack,
        "elements that are not known",
        Changed("their `fallback`, else `[type]`"),
        r#"[{"type":"Chart.Donut"}]"#,
        "[Chart.Donut]",
    ),
    row(
        ToSlack,
        "hero and thumbnail card",
        Changed("`section`, with a thumbnail as accessory, `image` blocks and buttons"),
        r#"{"attachments":[{"contentType":"application/vnd.microsoft.card.hero","content":{"title":"T","text":"x"}}]}"#,
        r#"*T*\nx"#,
    ),
    row(
        ToSlack,
        "receipt card",
        Changed("`section`s of its facts, items and sums"),
        r#"{"attachments":[{"contentType":"application/vnd.microsoft.card.receipt","content":{"items":[{"title":"Tea","price":"4"}]}}]}"#,
        "Tea · 4",
    ),
    row(
        ToSlack,
        "sign-in, audio, video and animation card",
        Changed("title, text, links and buttons"),
        r#"{"attachments":[{"contentType":"application/vnd.microsoft.card.video","content":{"title":"T","media":[{"url":"https://x.example/v"}]}}]}"#,
        "<https://x.example/v>",
    ),
    row(
        ToSlack,
        "connector card",
        Changed("`section`s of its titles, texts and facts, and buttons"),
        r#"{"attachments":[{"contentType":"application/vnd.microsoft.teams.card.o365connector","content":{"sections":[{"text":"x"}]}}]}"#,
        r#""text":"x""#,
    ),
    row(
        ToSlack,
        "`image/…` attachment",
        Changed("`image` block"),
        r#"{"attachments":[{"contentType":"image/png","contentUrl":"https://x.example/i","name":"i"}]}"#,
        r#""alt_text":"i""#,
    ),
    row(
        ToSlack,
        "other attachments",
        Changed("`[attachment: name]`, linked if it has an address"),
        r#"{"attachments":[{"contentType":"application/pdf","name":"a.pdf"}]}"#,
        "[attachment: a.pdf]",
    ),
    row(
        ToSlack,
        "`fallbackText`, `speak`, `summary`",
        Changed("`text` of a message without `text`"),
        r#"{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"fallbackText":"F","body":[]}}]}"#,
        "F",
    ),
    row(
        ToSlack,
        "`suggestedActions`, `attachmentLayout`, `importance`, `channelData`",
        Lost("Slack has nothing like them"),
        r#"{"text":"**x**","suggestedActions":{"actions":[{"title":"Maybe"}]}}"#,
        "Maybe",
    ),
    row(
        ToSlack,
        "what does not fit into 50 blocks or 13,200 characters, and cards deeper than 16",
        Lost("Slack's limits; a last line says so"),
        r#"{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"body":[LONG{"type":"TextBlock","text":"last"}]}}]}"#,
        "last",
    ),
];

#[cfg(test)]
mod tests;
