//! A bot on loopback that remembers what it hears and answers as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::world::World;

/// How long a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request to the bot.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body's very bytes.
    pub body: Vec<u8>,
    /// The body as JSON; of a form its `payload`, or an object of its fields.
    pub activity: Value,
}

impl Heard {
    pub fn id(&self) -> &str {
        self.activity["id"].as_str().unwrap_or("")
    }

    pub fn text(&self) -> &str {
        self.activity["text"].as_str().unwrap_or("")
    }

    /// What a Slack app hears of.
    pub fn event(&self) -> &Value {
        &self.activity["event"]
    }

    /// Whether Slack's signature was made with this secret, and now.
    pub fn is_signed(&self, secret: &str) -> bool {
        let timestamp = &self.headers["x-slack-request-timestamp"];
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = hmac::sign(&key, &[b"v0:", timestamp.as_bytes(), b":", &self.body].concat());
        let digits: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.headers["x-slack-signature"] == format!("v0={digits}")
            && since.abs_diff(timestamp.parse().unwrap()) < 300
    }
}

/// The body of a request: JSON, or a form.
fn content(headers: &BTreeMap<String, String>, body: &[u8]) -> Value {
    if !headers.get("content-type").is_some_and(|it| it.starts_with("application/x-www-form-urlencoded")) {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    match fields.get("payload") {
        Some(payload) => serde_json::from_str(payload).unwrap(),
        None => json!(fields),
    }
}

/// What the bot does about a request.
#[derive(Clone, Debug)]
pub enum Say {
    /// An answer with a JSON body.
    Json(u16, Value),
    /// These bytes, and the connection is closed.
    Raw(Vec<u8>),
    /// Nothing until the caller hangs up.
    Nothing,
}

type Answer = dyn Fn(&Heard) -> Say + Send + Sync;

struct Shared {
    heard: Mutex<Vec<Heard>>,
    more: Condvar,
    answer: Mutex<Arc<Answer>>,
    hung_up: AtomicUsize,
    closes_reused: AtomicBool,
}

/// Closed until a test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        let waited = self.0.1.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap();
        assert!(*waited.0, "the gate stayed closed");
    }
}

/// Answers 200 and `{}` until it is told otherwise. Every connection has a thread of its own.
pub struct Bot {
    /// Its endpoint.
    pub url: String,
    shared: Arc<Shared>,
}

impl Bot {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api/messages", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            heard: Mutex::default(),
            more: Condvar::new(),
            answer: Mutex::new(Arc::new(|_| Say::Json(200, json!({})))),
            hung_up: AtomicUsize::new(0),
            closes_reused: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.serve(&connection.unwrap()));
            }
        });
        Self { url, shared }
    }

    /// A new one that is the endpoint of an app of this world.
    pub fn of(world: &World, app: &str) -> Self {
        let bot = Self::new();
        bot.serves(world, app);
        bot
    }

    /// Makes it the endpoint of an app.
    pub fn serves(&self, world: &World, app: &str) {
        world.controlled("PATCH", &format!("/apps/{app}"), &json!({"endpoint": self.url}));
    }

    /// A new one that is the request URL of a Slack app of this world, with these subscriptions.
    pub fn of_slack(world: &World, app: &str, bot_events: &[&str]) -> Self {
        let bot = Self::new();
        let changed = json!({"endpoint": bot.url, "bot_events": bot_events});
        world.controlled("PATCH", &format!("/apps/{app}"), &changed);
        bot
    }

    /// What it does from now on. It may do so in any time, and call the server before it answers.
    pub fn answers(&self, answer: impl Fn(&Heard) -> Say + Send + Sync + 'static) {
        *self.shared.answer.lock().unwrap() = Arc::new(answer);
    }

    /// Everything that it heard so far, in the order in which the requests came.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// The ids of that.
    pub fn ids(&self) -> Vec<String> {
        self.heard().iter().map(|heard| heard.id().to_owned()).collect()
    }

    /// How many callers hung up while it said nothing.
    pub fn hung_up(&self) -> usize {
        self.shared.hung_up.load(Ordering::SeqCst)
    }

    /// From now on it closes a connection that it answered on when another request comes over it, as a server does whose
    /// patience ends at that very moment.
    pub fn closes_reused_connections(&self) {
        self.shared.closes_reused.store(true, Ordering::SeqCst);
    }

    /// Waits until it has heard so many requests, and gives back all of them.
    pub fn wait_for(&self, count: usize) -> Vec<Heard> {
        let heard = self.shared.heard.lock().unwrap();
        let waited = self.shared.more.wait_timeout_while(heard, PATIENCE, |heard| heard.len() < count);
        let heard = waited.unwrap().0.clone();
        assert!(count <= heard.len(), "heard {} of {count}: {heard:#?}", heard.len());
        heard
    }
}

impl Shared {
    fn serve(&self, connection: &TcpStream) {
        connection.set_nodelay(true).unwrap();
        let mut requests = BufReader::new(connection);
        let mut reused = false;
        while let Some(heard) = read(&mut requests) {
            if reused && self.closes_reused.load(Ordering::SeqCst) {
                return;
            }
            reused = true;
            self.heard.lock().unwrap().push(heard.clone());
            self.more.notify_all();
            let answer = Arc::clone(&self.answer.lock().unwrap());
            // Whoever asked may be gone by now.
            let written = match answer(&heard) {
                Say::Json(status, body) => {
                    let body = body.to_string();
                    let head = "content-type: application/json\r\ncontent-length";
                    write!(requests.get_mut(), "HTTP/1.1 {status} X\r\n{head}: {}\r\n\r\n{body}", body.len())
                }
                Say::Raw(bytes) => {
                    let _ = requests.get_mut().write_all(&bytes);
                    return;
                }
                Say::Nothing => {
                    let _ = requests.read(&mut [0]);
                    self.hung_up.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            };
            if written.is_err() {
                return;
            }
        }
    }
}

/// The next request of a connection, if one comes.
fn read(requests: &mut BufReader<&TcpStream>) -> Option<Heard> {
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    requests.read_exact(&mut body).ok()?;
    let activity = content(&headers, &body);
    Some(Heard { headers, body, activity })
}

/// Asks a server again and again until there is something.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
    }
}

#[test]
fn a_bot_hears_and_answers() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|heard| Say::Json(200, json!({"you": heard.text()})));
    let said = json!({"to": ["helpdesk"], "text": "good morning"});
    world.controlled("POST", "/people/ada/messages", &said);
    let heard = bot.wait_for(3);
    assert_eq!(heard[2].text(), "good morning");
    assert_eq!(heard[2].headers["x-ms-tenant-id"], crate::world::TENANT);
}
