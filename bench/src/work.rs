//! What is measured: one kind of call each, as SDKs send it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::client::Next;
use crate::fill::Loaded;

/// A kind of call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    Post,
    UpdateRecent,
    UpdateRandom,
    Delete,
    History,
    PutRecent,
    PutRandom,
    DeleteActivity,
    Send,
}

impl Work {
    pub const ALL: [Self; 9] = [
        Self::UpdateRecent,
        Self::UpdateRandom,
        Self::Post,
        Self::Delete,
        Self::History,
        Self::PutRecent,
        Self::PutRandom,
        Self::Send,
        Self::DeleteActivity,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "chat.postMessage",
            Self::UpdateRecent => "chat.update, recent",
            Self::UpdateRandom => "chat.update, random",
            Self::Delete => "chat.delete, random",
            Self::History => "history, 20 messages",
            Self::PutRecent => "PUT activity, recent",
            Self::PutRandom => "PUT activity, random",
            Self::DeleteActivity => "DELETE activity, random",
            Self::Send => "POST activity",
        }
    }

    /// Deletions use messages up, so their runs are shorter.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteActivity)
    }

    /// What an accepted answer contains.
    pub fn expected(self) -> &'static str {
        match self {
            Self::PutRecent | Self::PutRandom | Self::Send => "\"id\":",
            Self::DeleteActivity => " 200 OK",
            _ => "\"ok\":true",
        }
    }
}

/// The echo's call: a JSON body as long as an update's.
pub fn echo() -> Next {
    let request = json_request(
        "POST",
        "/",
        None,
        r#"{"channel":"C01BENCH","ts":"1700000000.000100","text":"Build 7 of the payment service: 4 of 7 stages are done"}"#,
    );
    Box::new(move |out| {
        out.extend_from_slice(&request);
        true
    })
}

/// Hands out calls. Deletions take each message once, over all runs.
pub struct Calls {
    token: String,
    random: u64,
    slack: Split,
    teams: Split,
}

/// The newest messages that "recent" means.
const RECENT: usize = 1000;

/// The messages of one bot, by what is done with them.
struct Split {
    /// The newest ones, one after another.
    recent: Vec<i64>,
    /// Every other of the rest, to be updated at random.
    updated: Vec<i64>,
    /// The others, to be deleted in an order that jumps about.
    deleted: Rc<RefCell<Vec<i64>>>,
}

impl Split {
    fn new(mut ids: Vec<i64>) -> Self {
        let recent = ids.split_off(ids.len().saturating_sub(RECENT));
        let (mut updated, mut deleted) = (Vec::new(), Vec::new());
        for (place, id) in ids.into_iter().enumerate() {
            if place % 2 == 0 { updated.push(id) } else { deleted.push(id) }
        }
        shuffle(&mut deleted);
        Self { recent, updated, deleted: Rc::new(RefCell::new(deleted)) }
    }
}

impl Calls {
    pub fn new(loaded: Loaded, token: String) -> Self {
        let random = 0x2545_f491_4f6c_dd1d;
        Self { token, random, slack: Split::new(loaded.slack), teams: Split::new(loaded.teams) }
    }

    /// The next calls of one run.
    pub fn of(&mut self, work: Work) -> Next {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match work {
            Work::Post => slack_post(),
            Work::History => history(),
            Work::Send => self.send(),
            Work::UpdateRecent => update(self.slack.recent.clone(), self.random),
            Work::UpdateRandom => update(self.slack.updated.clone(), self.random),
            Work::PutRecent => put(self.teams.recent.clone(), self.random, self.token.clone()),
            Work::PutRandom => put(self.teams.updated.clone(), self.random, self.token.clone()),
            Work::Delete => delete(Rc::clone(&self.slack.deleted)),
            Work::DeleteActivity => delete_activity(Rc::clone(&self.teams.deleted), self.token.clone()),
        }
    }

    fn send(&self) -> Next {
        let path = "/v3/conversations/19:bench@thread.tacv2/activities";
        let body = r#"{"type":"message","text":"Build 7 of the payment service: 1 of 7 stages is done"}"#;
        let request = json_request("POST", path, Some(&self.token), body);
        Box::new(move |out| {
            out.extend_from_slice(&request);
            true
        })
    }
}

fn shuffle(ids: &mut [i64]) {
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    for place in (1..ids.len()).rev() {
        random = step(random);
        ids.swap(place, below(random, place + 1));
    }
}

/// A random place in a list of so many.
fn below(random: u64, length: usize) -> usize {
    usize::try_from(random % length as u64).unwrap_or(0)
}

fn step(mut random: u64) -> u64 {
    random ^= random << 13;
    random ^= random >> 7;
    random ^ random << 17
}

fn json_request(verb: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    format!(
        "{verb} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn slack(method: &str, body: &str) -> Vec<u8> {
    json_request("POST", &format!("/api/{method}"), Some("xoxb-bench"), body)
}

fn slack_post() -> Next {
    let body = r#"{"channel":"C01BENCH","text":"Build 7 of the payment service: 1 of 7 stages is done"}"#;
    let request = slack("chat.postMessage", body);
    Box::new(move |out| {
        out.extend_from_slice(&request);
        true
    })
}

fn history() -> Next {
    let request =
        b"GET /api/conversations.history?channel=C01BENCH&limit=20 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer xoxb-bench\r\n\r\n";
    Box::new(|out| {
        out.extend_from_slice(request);
        true
    })
}

fn dotted(ts: i64) -> String {
    format!("{}.{:06}", ts / 1_000_000, ts % 1_000_000)
}

fn pick(ids: &[i64], random: &mut u64) -> i64 {
    *random = step(*random);
    ids[below(*random, ids.len())]
}

fn update(ids: Vec<i64>, mut random: u64) -> Next {
    let mut number = 0;
    Box::new(move |out| {
        number += 1;
        let ts = dotted(pick(&ids, &mut random));
        let body = format!(
            r#"{{"channel":"C01BENCH","ts":"{ts}","text":"Build {number} of the payment service: 4 of 7 stages are done"}}"#
        );
        out.extend_from_slice(&slack("chat.update", &body));
        true
    })
}

fn delete(ids: Rc<RefCell<Vec<i64>>>) -> Next {
    Box::new(move |out| {
        let Some(ts) = ids.borrow_mut().pop() else { return false };
        out.extend_from_slice(&slack(
            "chat.delete",
            &format!(r#"{{"channel":"C01BENCH","ts":"{}"}}"#, dotted(ts)),
        ));
        true
    })
}

fn put(ids: Vec<i64>, mut random: u64, token: String) -> Next {
    let mut number = 0;
    Box::new(move |out| {
        number += 1;
        let path = format!("/v3/conversations/19:bench@thread.tacv2/activities/{}", pick(&ids, &mut random));
        let body = format!(
            r#"{{"type":"message","text":"Build {number} of the payment service: 4 of 7 stages are done"}}"#
        );
        out.extend_from_slice(&json_request("PUT", &path, Some(&token), &body));
        true
    })
}

fn delete_activity(ids: Rc<RefCell<Vec<i64>>>, token: String) -> Next {
    Box::new(move |out| {
        let Some(ts) = ids.borrow_mut().pop() else { return false };
        let head = format!(
            "DELETE /v3/conversations/19:bench@thread.tacv2/activities/{ts} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        true
    })
}
