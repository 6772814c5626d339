//! Messages that stream in: the chunks that `chat.startStream`, `chat.appendStream` and `chat.stopStream` take, and what
//! is shown of them.
//!
//! Sources: the reference of these methods and of the `task_card` and `plan` blocks; that `details` of a task add up while
//! its other members are replaced is what developers observed.

use super::Fault;
use super::blocks::{self, BLOCKS_MAX};
use super::markdown::to_mrkdwn;
use super::rich_text;
use super::text::chars_over;
use serde_json::{Map, Value, json};

/// Characters of Markdown that one call may bring.
pub const MARKDOWN_CHARS_MAX: usize = 12_000;

/// What one call adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Markdown, which may break off anywhere.
    pub markdown: String,
    /// The other chunks, normalised: JSON objects with commas between them.
    pub others: Option<String>,
}

/// Reads a `chunks` argument.
///
/// # Errors
///
/// `invalid_chunks` unless it is an array of known chunks, `msg_too_long` for too much Markdown in one of them,
/// `msg_blocks_too_many` above [`BLOCKS_MAX`] blocks, and what is wrong with blocks.
pub fn read(given: &str, new_id: &mut dyn FnMut() -> String) -> Result<Added, Fault> {
    let Ok(Value::Array(chunks)) = serde_json::from_str(given) else {
        return Err(Fault::new("invalid_chunks", "must be an array [json-pointer:/chunks]"));
    };
    let mut added = Added::default();
    let mut others = Vec::new();
    for (at, chunk) in chunks.into_iter().enumerate() {
        let wrong = |what: &str| Fault::new("invalid_chunks", format!("{what} [json-pointer:/chunks/{at}]"));
        let Value::Object(chunk) = chunk else { return Err(wrong("must provide an object")) };
        match text(&chunk, "type") {
            Some("markdown_text") => {
                let more = text(&chunk, "text").ok_or_else(|| wrong("text must be a string"))?;
                check_length(more)?;
                added.markdown.push_str(more);
            }
            Some("task_update") => others.push(task(&chunk).map_err(wrong)?),
            Some("plan_update") => {
                let title = text(&chunk, "title").ok_or_else(|| wrong("title must be a string"))?;
                others.push(json!({ "type": "plan_update", "title": title }));
            }
            Some("blocks") => {
                let Some(Value::Array(list)) = chunk.get("blocks") else {
                    return Err(wrong("blocks must be an array"));
                };
                others.push(blocks_chunk("blocks", list.clone(), new_id)?);
            }
            _ => return Err(wrong("type must be markdown_text, task_update, plan_update or blocks")),
        }
    }
    added.others = joined(&others);
    Ok(added)
}

/// The blocks of a `blocks` argument, which stand below everything else, as one more chunk.
///
/// # Errors
///
/// `invalid_blocks_format`, `msg_blocks_too_many`, and what is wrong with the blocks.
pub fn last_blocks(given: &str, new_id: &mut dyn FnMut() -> String) -> Result<String, Fault> {
    let Ok(Value::Array(list)) = serde_json::from_str(given) else {
        return Err(Fault::new("invalid_blocks_format", "must be an array [json-pointer:/blocks]"));
    };
    if !list.iter().all(Value::is_object) {
        return Err(Fault::new(
            "invalid_blocks_format",
            "must be an array of objects [json-pointer:/blocks]",
        ));
    }
    blocks_chunk("last_blocks", list, new_id).map(|chunk| chunk.to_string())
}

/// The chunk that says how tasks are shown: all together in a plan.
pub const AS_A_PLAN: &str = "{\"type\":\"as_a_plan\"}";

/// Refuses more Markdown than a call may bring.
///
/// # Errors
///
/// `msg_too_long`.
pub fn check_length(markdown: &str) -> Result<(), Fault> {
    if chars_over(markdown, MARKDOWN_CHARS_MAX) {
        let count = markdown.chars().count();
        let reason = format!("markdown_text has {count} characters, {MARKDOWN_CHARS_MAX} are allowed");
        return Err(Fault::new("msg_too_long", reason));
    }
    Ok(())
}

/// What a message shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// mrkdwn in stored form.
    pub text: String,
    /// A JSON array; `None` where the text says everything.
    pub blocks: Option<String>,
}

/// What a message shows to which these pieces were added. `others` are the chunks that are no Markdown, as [`read`] and
/// [`last_blocks`] gave them, in their order.
///
/// The text comes first, then tasks, then blocks. The platform shows tasks between the texts among which they came; here
/// they stand together.
pub fn assemble<'a>(markdown: &str, others: impl IntoIterator<Item = &'a str>) -> Shown {
    let text = to_mrkdwn(markdown);
    let chunks = others.into_iter().filter_map(|json| serde_json::from_str(&format!("[{json}]")).ok());
    let chunks: Vec<Map<String, Value>> = chunks.flat_map(|list: Vec<Map<String, Value>>| list).collect();
    if chunks.is_empty() {
        return Shown { text, blocks: None };
    }
    let mut shown = Vec::new();
    if !text.is_empty() {
        shown.extend(rich(&text, "stream-text"));
    }
    shown.extend(tasks(&chunks));
    for place in ["blocks", "last_blocks"] {
        let lists = chunks.iter().filter(|chunk| self::text(chunk, "type") == Some(place));
        shown.extend(lists.filter_map(|chunk| chunk.get("blocks")?.as_array()).flatten().cloned());
    }
    let text = if text.is_empty() { fallback(&shown) } else { text };
    Shown { text, blocks: (!shown.is_empty()).then(|| Value::Array(shown).to_string()) }
}

/// The tasks as they are after all updates, each in a card; all cards in a plan if it has a title or was asked for.
fn tasks(chunks: &[Map<String, Value>]) -> Vec<Value> {
    let mut cards: Vec<Map<String, Value>> = Vec::new();
    let mut plan = None;
    for chunk in chunks {
        match text(chunk, "type") {
            Some("task_update") => match cards.iter_mut().find(|card| card.get("id") == chunk.get("id")) {
                Some(card) => update(card, chunk),
                None => cards.push(chunk.clone()),
            },
            Some("plan_update") => plan = Some(text(chunk, "title").unwrap_or_default().to_owned()),
            Some("as_a_plan") => plan = plan.or_else(|| Some(String::new())),
            _ => {}
        }
    }
    let cards: Vec<Value> = cards.iter().enumerate().map(|(at, card)| task_card(at, card)).collect();
    match plan {
        None => cards,
        Some(title) if cards.is_empty() && title.is_empty() => vec![],
        Some(title) => {
            vec![json!({ "type": "plan", "block_id": "stream-plan", "title": title, "tasks": cards })]
        }
    }
}

fn update(card: &mut Map<String, Value>, chunk: &Map<String, Value>) {
    for (name, value) in chunk {
        match (name.as_str(), card.get_mut(name), value) {
            ("details", Some(Value::String(before)), Value::String(more)) => before.push_str(more),
            _ => drop(card.insert(name.clone(), value.clone())),
        }
    }
}

fn task_card(at: usize, task: &Map<String, Value>) -> Value {
    let mut card = Map::new();
    card.insert("type".into(), "task_card".into());
    card.insert("block_id".into(), format!("stream-task-{at}").into());
    for (name, member) in
        [("task_id", "id"), ("title", "title"), ("status", "status"), ("sources", "sources")]
    {
        card.extend(task.get(member).map(|value| (name.to_owned(), value.clone())));
    }
    for name in ["details", "output"] {
        let words = text(task, name).filter(|words| !words.is_empty());
        let rich = words.and_then(|words| rich(&to_mrkdwn(words), &format!("stream-task-{at}-{name}")));
        card.extend(rich.map(|rich| (name.to_owned(), rich)));
    }
    Value::Object(card)
}

fn task(chunk: &Map<String, Value>) -> Result<Value, &'static str> {
    let id = text(chunk, "id").filter(|id| !id.is_empty()).ok_or("id must be a string")?;
    let title = text(chunk, "title").ok_or("title must be a string")?;
    let status =
        text(chunk, "status").filter(|it| ["pending", "in_progress", "complete", "error"].contains(it));
    let status = status.ok_or("status must be pending, in_progress, complete or error")?;
    let mut task = json!({ "type": "task_update", "id": id, "title": title, "status": status });
    for name in ["details", "output"] {
        match chunk.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(words)) => task[name] = words.clone().into(),
            Some(_) => return Err("details and output must be strings"),
        }
    }
    match chunk.get("sources") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) if list.iter().all(Value::is_object) => {
            task["sources"] = list.clone().into()
        }
        Some(_) => return Err("sources must be an array of objects"),
    }
    Ok(task)
}

fn blocks_chunk(
    kind: &str,
    mut list: Vec<Value>,
    new_id: &mut dyn FnMut() -> String,
) -> Result<Value, Fault> {
    if BLOCKS_MAX < list.len() {
        let reason = format!("{} blocks were given, {BLOCKS_MAX} are allowed", list.len());
        return Err(Fault::new("msg_blocks_too_many", reason));
    }
    blocks::check(&mut list, "/blocks", new_id)?;
    Ok(json!({ "type": kind, "blocks": list }))
}

/// The text of blocks and the titles of tasks.
fn fallback(shown: &[Value]) -> String {
    let text = blocks::fallback(shown);
    if !text.is_empty() {
        return text;
    }
    let plans = shown.iter().filter_map(|block| block.get("tasks")?.as_array()).flatten();
    let titles = shown.iter().chain(plans).filter_map(|block| block.get("title")?.as_str());
    let titles: Vec<&str> = titles.filter(|title| !title.is_empty()).collect();
    super::text::escape(&titles.join("\n")).into_owned()
}

fn rich(mrkdwn: &str, block_id: &str) -> Option<Value> {
    let mut json = String::new();
    rich_text::from_mrkdwn(mrkdwn, block_id, &mut json);
    serde_json::from_str(&json).ok()
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

fn joined(chunks: &[Value]) -> Option<String> {
    let texts: Vec<String> = chunks.iter().map(Value::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(given: &Value) -> Result<Added, Fault> {
        read(&given.to_string(), &mut || "id".to_owned())
    }

    #[test]
    fn what_chunks_are_read() {
        let given = json!([
            {"type": "markdown_text", "text": "**a"},
            {"type": "task_update", "id": "1", "title": "T", "status": "pending", "details": "d", "odd": 1},
            {"type": "markdown_text", "text": "b**"},
            {"type": "plan_update", "title": "P"},
            {"type": "blocks", "blocks": [{"type": "divider"}]},
        ]);
        let added = chunks(&given).unwrap();
        assert_eq!(added.markdown, "**ab**");
        let others: Value = serde_json::from_str(&format!("[{}]", added.others.unwrap())).unwrap();
        assert_eq!(
            others[0],
            json!({"type": "task_update", "id": "1", "title": "T", "status": "pending", "details": "d"})
        );
        assert_eq!(others[1], json!({"type": "plan_update", "title": "P"}));
        assert_eq!(others[2]["blocks"], json!([{"type": "divider", "block_id": "id"}]));
        assert_eq!(chunks(&json!([])).unwrap(), Added::default());
    }

    #[test]
    fn what_is_wrong_with_chunks() {
        let long = "x".repeat(MARKDOWN_CHARS_MAX + 1);
        let many = vec![json!({"type": "divider"}); BLOCKS_MAX + 1];
        for (given, code) in [
            (json!({}), "invalid_chunks"),
            (json!(["x"]), "invalid_chunks"),
            (json!([{"type": "odd"}]), "invalid_chunks"),
            (json!([{"type": "markdown_text"}]), "invalid_chunks"),
            (json!([{"type": "markdown_text", "text": long}]), "msg_too_long"),
            (json!([{"type": "task_update", "title": "T", "status": "pending"}]), "invalid_chunks"),
            (json!([{"type": "task_update", "id": "1", "status": "pending"}]), "invalid_chunks"),
            (json!([{"type": "task_update", "id": "1", "title": "T", "status": "odd"}]), "invalid_chunks"),
            (
                json!([{"type": "task_update", "id": "1", "title": "T", "status": "error", "details": 1}]),
                "invalid_chunks",
            ),
            (
                json!([{"type": "task_update", "id": "1", "title": "T", "status": "error", "sources": [1]}]),
                "invalid_chunks",
            ),
            (json!([{"type": "plan_update"}]), "invalid_chunks"),
            (json!([{"type": "blocks"}]), "invalid_chunks"),
            (json!([{"type": "blocks", "blocks": [{"type": "odd"}]}]), "invalid_blocks"),
            (json!([{"type": "blocks", "blocks": many}]), "msg_blocks_too_many"),
        ] {
            assert_eq!(chunks(&given).unwrap_err().code, code, "{given}");
        }
        assert_eq!(read("{", &mut String::new).unwrap_err().code, "invalid_chunks");
        assert_eq!(last_blocks("{}", &mut String::new).unwrap_err().code, "invalid_blocks_format");
        assert_eq!(last_blocks("[1]", &mut String::new).unwrap_err().code, "invalid_blocks_format");
    }

    #[test]
    fn what_is_shown() {
        assert_eq!(assemble("**a** b", []), Shown { text: "*a* b".into(), blocks: None });
        let task = |status: &str, details: &str| {
            json!({"type": "task_update", "id": "1", "title": status, "status": status, "details": details})
                .to_string()
        };
        let last = last_blocks("[{\"type\":\"divider\"}]", &mut || "d".to_owned()).unwrap();
        let pieces = [last, task("pending", "one "), task("complete", "two")];
        let shown = assemble("**x**", pieces.iter().map(String::as_str));
        let blocks: Value = serde_json::from_str(&shown.blocks.unwrap()).unwrap();
        let kinds: Vec<&str> =
            blocks.as_array().unwrap().iter().filter_map(|it| it["type"].as_str()).collect();
        assert_eq!((shown.text.as_str(), kinds), ("*x*", vec!["rich_text", "task_card", "divider"]));
        assert_eq!((&blocks[1]["title"], &blocks[1]["task_id"]), (&json!("complete"), &json!("1")));
        assert_eq!(blocks[1]["details"]["elements"][0]["elements"][0]["text"], "one two");
        let plan = assemble("", [AS_A_PLAN, pieces[1].as_str()]);
        let blocks: Value = serde_json::from_str(&plan.blocks.unwrap()).unwrap();
        assert_eq!((plan.text.as_str(), &blocks[0]["type"]), ("pending", &json!("plan")));
        assert_eq!(blocks[0]["tasks"][0]["type"], "task_card");
        assert_eq!(assemble("", [AS_A_PLAN]), Shown::default());
    }
}
