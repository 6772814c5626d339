//! A conversation as people see it, as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use crate::api::{Api, list, segment, text};
use crate::channel::{Channel, line, seen};
use crate::error::{self, Error};
use crate::message::{Shown, time_of};
use crate::person::Person;

/// Messages of a channel that are shown, the newest.
const MESSAGES_SHOWN_MAX: usize = 30;

/// Threads whose replies are shown.
const THREADS_SHOWN_MAX: usize = 10;

/// Replies of a thread that are shown, the newest.
const REPLIES_SHOWN_MAX: usize = 20;

/// People who are asked for what only they see.
const READERS_MAX: usize = 20;

/// Lines of a message that are shown.
const LINES_SHOWN_MAX: usize = 12;

/// Characters of a line that are shown.
const CHARS_SHOWN_MAX: usize = 300;

/// A conversation as this person sees it, or as all do, with what only one of them sees.
pub(crate) async fn transcript(channel: &Channel, reader: Option<&Person>) -> String {
    let name = error::line(&channel.name);
    let whose = reader.map_or_else(|| "people see".into(), |it| format!("{} sees", error::line(&it.name)));
    match messages(channel, reader).await {
        Ok((messages, names)) => {
            format!("#{name} as {whose} it:\n{}", Conversation { messages, names }.shown())
        }
        Err(failed) => format!("#{name} could not be read: {failed}\n"),
    }
}

type Found = (Vec<Value>, BTreeMap<String, String>);

/// The messages, with replies behind their roots, and names by id.
async fn messages(channel: &Channel, reader: Option<&Person>) -> Result<Found, Error> {
    let (api, id) = (&*channel.api, channel.id()?);
    let mut roots = match reader {
        Some(reader) => seen(api, reader.id()?, id, None).await?,
        None => for_all(api, id).await?,
    };
    roots.truncate(MESSAGES_SHOWN_MAX);
    let with_replies = roots.iter().filter(|root| 0 < root["reply_count"].as_u64().unwrap_or(0));
    let threads: Vec<String> =
        with_replies.take(THREADS_SHOWN_MAX).map(|root| text(root, "ts").to_owned()).collect();
    let mut messages = roots;
    for root in threads {
        let mut replies = match reader {
            Some(reader) => seen(api, reader.id()?, id, Some(&root)).await?,
            None => line(api, id, Some(&root)).await?,
        };
        replies.retain(|reply| text(reply, "ts") != root);
        replies.truncate(REPLIES_SHOWN_MAX);
        messages.extend(replies);
    }
    let mut known = BTreeSet::new();
    messages.retain(|message| known.insert(text(message, "ts").to_owned()));
    Ok((messages, names(api).await?))
}

/// What everyone sees, and what one person alone sees; the newest first.
async fn for_all(api: &Api, channel: &str) -> Result<Vec<Value>, Error> {
    let mut all = line(api, channel, None).await?;
    for person in api.known.people().iter().take(READERS_MAX) {
        // Somebody who is not in a private channel sees nothing of it.
        let theirs = seen(api, text(person, "id"), channel, None).await.unwrap_or_default();
        all.extend(theirs.into_iter().filter(|message| message["targeted_to"].is_string()));
    }
    all.sort_by(|one, other| text(other, "ts").cmp(text(one, "ts")));
    Ok(all)
}

async fn names(api: &Api) -> Result<BTreeMap<String, String>, Error> {
    let people = api.get("/people").await?;
    let person = |it: &Value| (text(it, "id").to_owned(), text(it, "name").to_owned());
    let bot = |it: &Value| (text(it, "bot_user_id").to_owned(), text(it, "name").to_owned());
    let apps = api.known.apps().iter().map(bot);
    let channels = api.known.channels().iter().map(person);
    Ok(list(&people["people"]).iter().map(person).chain(apps).chain(channels).collect())
}

/// Messages and the names of those who are in them, by id.
struct Conversation {
    messages: Vec<Value>,
    names: BTreeMap<String, String>,
}

impl Conversation {
    fn shown(mut self) -> String {
        if self.messages.is_empty() {
            return "  (nothing was said)\n".into();
        }
        // A reply follows its root, whenever it was posted.
        let root = |message: &Value| text(message, "thread_ts").to_owned();
        self.messages.sort_by_key(|message| {
            let (ts, root) = (text(message, "ts").to_owned(), root(message));
            (if root.is_empty() { ts.clone() } else { root }, ts)
        });
        let shown = self.messages.iter().map(|message| {
            let root = root(message);
            self.message(message, if root.is_empty() || root == text(message, "ts") { 2 } else { 6 })
        });
        shown.collect()
    }

    fn message(&self, message: &Value, indent: usize) -> String {
        let seconds = time_of(text(message, "ts")).as_secs();
        let time = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let head = format!("{:indent$}[{time}] ", "");
        if message["deleted"] == true {
            return format!("{head}(deleted)\n");
        }
        let seen = Shown::of(message);
        let mut lines = seen.lines.iter().map(|line| cut(&error::line(&self.readable(line))));
        let mut shown =
            format!("{head}{}: {}", self.name(text(message, "user")), lines.next().unwrap_or_default());
        self.marks(message, &mut shown);
        shown.push('\n');
        let below = indent + 4;
        for line in lines.by_ref().take(LINES_SHOWN_MAX) {
            let _ = writeln!(shown, "{:below$}{line}", "");
        }
        if 0 < lines.count() {
            let _ = writeln!(shown, "{:below$}…", "");
        }
        if !seen.buttons.is_empty() {
            let buttons: Vec<String> =
                seen.buttons.iter().map(|it| format!("[{}]", cut(&error::line(it)))).collect();
            let _ = writeln!(shown, "{:below$}{}", "", buttons.join(" "));
        }
        for reaction in list(&message["reactions"]) {
            let (name, count) = (error::line(text(reaction, "name")), list(&reaction["users"]).len());
            let _ = writeln!(shown, "{:below$}:{name}: {count}", "");
        }
        shown
    }

    /// The notes after a message's first line.
    fn marks(&self, message: &Value, shown: &mut String) {
        if !message["edited_at"].is_null() {
            shown.push_str(" (edited)");
        }
        if let Some(revision) = message["revision"].as_u64().filter(|revision| 1 < *revision) {
            let _ = write!(shown, " (revision {revision})");
        }
        if message["streaming"] == true {
            shown.push_str(" (streams in)");
        }
        if let Some(reader) = message["targeted_to"].as_str() {
            let _ = write!(shown, " (only {} sees this)", self.name(reader));
        }
    }

    fn name(&self, id: &str) -> String {
        error::line(self.names.get(id).map_or(id, String::as_str))
    }

    /// Text as people read it: names for ids, links by their label, characters that mrkdwn escapes.
    fn readable(&self, text: &str) -> String {
        let (mut readable, mut rest) = (String::new(), text);
        while let Some((before, marked)) = rest.split_once('<') {
            let Some((mark, after)) = marked.split_once('>') else { break };
            readable.push_str(before);
            readable.push_str(&self.mark(mark));
            rest = after;
        }
        readable.push_str(rest);
        readable.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    fn mark(&self, mark: &str) -> String {
        let (target, label) =
            mark.split_once('|').map_or((mark, None), |(target, label)| (target, Some(label)));
        let named =
            |id: &str| label.unwrap_or_else(|| self.names.get(id).map_or(id, String::as_str)).to_owned();
        match target.split_at_checked(1) {
            Some(("@", id)) => format!("@{}", named(id)),
            Some(("#", id)) => format!("#{}", named(id)),
            Some(("!", all)) => format!("@{}", label.unwrap_or(all)),
            _ => label.map_or_else(|| target.to_owned(), |label| format!("{label} ({target})")),
        }
    }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(CHARS_SHOWN_MAX) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// What did not reach apps, and which calls were refused since the log had so many lines: most often why a wait failed.
pub(crate) async fn hindered(api: &Api, logged: usize) -> String {
    let mut said = String::new();
    for app in api.known.apps() {
        let path = format!("/apps/{}/deliveries?limit=5", segment(text(app, "id")));
        let Ok(answer) = api.get(&path).await else { continue };
        for delivery in list(&answer["deliveries"]) {
            let (name, why) = (error::line(text(app, "name")), cut(&error::line(text(delivery, "reason"))));
            let _ = writeln!(said, "  event {} has not reached {name}: {why}", delivery["position"]);
        }
    }
    for refusal in api.log.refusals_after(logged) {
        let _ = writeln!(said, "  {}", cut(&error::line(&refusal)));
    }
    if said.is_empty() { said } else { format!("Meanwhile:\n{said}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conversation(messages: &[Value]) -> Conversation {
        let names = [("U1", "ben"), ("U2", "pollbot"), ("C1", "general")];
        let names = names.into_iter().map(|(id, name)| (id.to_owned(), name.to_owned())).collect();
        Conversation { messages: messages.to_vec(), names }
    }

    #[test]
    fn a_conversation_as_people_see_it() {
        let messages = [
            json!({"ts": "3600.000003", "user": "U2", "deleted": true}),
            json!({"ts": "3600.000001", "user": "U1", "text": "lunch, <@U2>? &lt;now&gt;\nin <#C1>, see <http://x|the menu>",
                   "reply_count": 1, "reactions": [{"name": "eyes", "users": ["U1", "U2"]}]}),
            json!({"ts": "3661.000002", "user": "U2", "text": "Soup", "thread_ts": "3600.000001", "edited_at": "1",
                   "revision": 3, "attachments": [{"actions": [{"type": "button", "text": "Vote"}]}]}),
            json!({"ts": "3662.000000", "user": "U2", "text": "psst", "targeted_to": "U1"}),
        ];
        let expected = "  \
  [01:00:00] ben: lunch, @pollbot? <now>
      in #general, see the menu (http://x)
      :eyes: 2
      [01:01:01] pollbot: Soup (edited) (revision 3)
          [Vote]
  [01:00:00] (deleted)
  [01:01:02] pollbot: psst (only ben sees this)
";
        assert_eq!(conversation(&messages).shown(), expected);
        assert_eq!(conversation(&[]).shown(), "  (nothing was said)\n");
    }

    /// Nothing in a message makes a second message, moves the cursor or goes on without end.
    #[test]
    fn a_message_is_data() {
        let forged = "hello\n  [01:00:00] ben: \u{1b}[31mI agree\u{202e}";
        let many = "x\n".repeat(500) + &"y".repeat(5000);
        let messages = [
            json!({"ts": "1.000001", "user": forged, "text": forged, "attachments": [{"actions": [{"type": "button", "text": forged}]}]}),
            json!({"ts": "1.000002", "user": "U1", "text": many, "reactions": [{"name": forged, "users": []}]}),
        ];
        let shown = conversation(&messages).shown();
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
        let at_the_edge = shown.lines().filter(|line| line.starts_with("  [")).count();
        assert_eq!(at_the_edge, 2, "{shown}");
        assert!(shown.lines().count() < 30, "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 3 * CHARS_SHOWN_MAX), "{shown}");
    }
}
