//! Bad input of every kind to both transports: the dialect's own error, never a 5xx, nothing told of the inside, and
//! the server goes on.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::coverage::Coverage;
use crate::errors::METHODS;
use crate::support::{Folder, Server};
use crate::world::*;

const AUTH: (&str, &str) = ("authorization", "Bearer xoxb-deploy");
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json; charset=utf-8";

/// Nothing of the inside: no SQL, no path, no source file, no name of the machine.
fn tells_nothing(answer: &Answer, row: &str) {
    let body = answer.body.to_lowercase();
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_lowercase();
    for inner in [
        "sqlite",
        "select ",
        "/tmp/",
        env!("CARGO_MANIFEST_DIR"),
        "/home/",
        ".rs:",
        "panick",
        "constraint",
        "rusqlite",
    ] {
        assert!(!body.contains(inner), "{row}: {inner} in {}", answer.body);
    }
    assert!(host.len() < 4 || !body.contains(&host), "{row}: {}", answer.body);
    assert!(answer.status < 500, "{row}: {} {}", answer.status, answer.body);
}

/// An answer of the Web API: status 200, `ok`, and a code if it is false.
fn slack_shape(answer: &Answer, row: &str) {
    tells_nothing(answer, row);
    assert_eq!(answer.status, 200, "{row}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{row}");
    assert!(answer.json["ok"].is_boolean(), "{row}: {}", answer.body);
    let plain = answer.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    assert!(plain && !answer.code().is_empty(), "{row}: {}", answer.body);
}

/// An answer of the Connector or the control API.
fn error_shape(answer: &Answer, row: &str) {
    tells_nothing(answer, row);
    if answer.status < 300 {
        return;
    }
    assert!(answer.header("content-type").starts_with("application/json"), "{row}: {}", answer.body);
    let error = &answer.json["error"];
    let told = error["code"].is_string() && !error["message"].as_str().unwrap_or_default().is_empty();
    assert!(told || error.is_string(), "{row}: {}", answer.body);
}

fn slack_raw(world: &World, row: &str, kind: &str, body: &[u8], expected: &str) {
    let url = format!("{}/api/chat.postMessage", world.server.url);
    let answer = client::send("POST", &url, &[AUTH], (kind, body));
    slack_shape(&answer, row);
    assert_eq!(answer.code(), expected, "{row}: {}", answer.body);
}

fn multipart(parts: &str) -> String {
    parts.replace('\n', "\r\n")
}

#[test]
fn encodings_of_the_web_api() {
    let world = World::new();
    let whole = multipart(
        "--B\nContent-Disposition: form-data; name=\"channel\"\n\nC01GENERAL\n--B\nContent-Disposition: form-data; name=\"text\"\n\nx\n--B--\n",
    );
    let cut = &whole[..whole.len() - 12];
    let long_name = format!("{}=1", "n".repeat(256));
    let long_json = json!({"n".repeat(256): 1}).to_string();
    let boundary = "multipart/form-data; boundary=B";
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let deep_member =
        |name: &str, deep: String| format!("{{\"channel\":\"C01GENERAL\",\"text\":\"x\",\"{name}\":{deep}}}");
    let rows: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("good JSON", JSON, br#"{"channel":"C01GENERAL","text":"x"}"#.to_vec(), "ok"),
        ("good form", FORM, b"channel=C01GENERAL&text=x".to_vec(), "ok"),
        ("good multipart", boundary, whole.clone().into(), "ok"),
        ("plain text as a form", "text/plain", b"channel=C01GENERAL&text=x".to_vec(), "ok"),
        (
            "latin-1 form",
            "application/x-www-form-urlencoded; charset=iso-8859-1",
            b"channel=C01GENERAL&text=\xe9".to_vec(),
            "ok",
        ),
        (
            "latin-1 JSON",
            "application/json; charset=ISO-8859-1",
            b"{\"channel\":\"C01GENERAL\",\"text\":\"\xe9\"}".to_vec(),
            "ok",
        ),
        (
            "quoted charset",
            "application/json; charset=\"UTF-8\"",
            br#"{"channel":"C01GENERAL","text":"x"}"#.to_vec(),
            "ok",
        ),
        ("upper case type", "Application/JSON", br#"{"channel":"C01GENERAL","text":"x"}"#.to_vec(), "ok"),
        ("empty JSON body", JSON, vec![], "invalid_arguments"),
        ("blank JSON body", JSON, b" \n\t ".to_vec(), "invalid_arguments"),
        ("cut JSON", JSON, br#"{"channel":"C01GENERAL","te"#.to_vec(), "invalid_json"),
        ("JSON with a tail", JSON, br#"{"channel":"C01GENERAL"} x"#.to_vec(), "invalid_json"),
        ("single quotes", JSON, b"{'channel':'C01GENERAL'}".to_vec(), "invalid_json"),
        ("bare word", JSON, b"channel".to_vec(), "invalid_json"),
        ("JSON list", JSON, b"[]".to_vec(), "json_not_object"),
        ("JSON text", JSON, b"\"x\"".to_vec(), "json_not_object"),
        ("JSON number", JSON, b"7".to_vec(), "json_not_object"),
        ("JSON null", JSON, b"null".to_vec(), "json_not_object"),
        ("no UTF-8 in JSON", JSON, b"{\"channel\":\"\xff\xfe\"}".to_vec(), "invalid_json"),
        (
            "lone surrogate in JSON",
            JSON,
            br#"{"channel":"C01GENERAL","text":"\ud800"}"#.to_vec(),
            "invalid_json",
        ),
        ("NUL in JSON", JSON, br#"{"channel":"C01GENERAL","text":"a\u0000b"}"#.to_vec(), "ok"),
        (
            "token in JSON is no token",
            JSON,
            br#"{"token":"xoxb-unknown","channel":"C01NOWHERE"}"#.to_vec(),
            "channel_not_found",
        ),
        ("form as JSON", JSON, b"channel=C01GENERAL".to_vec(), "invalid_json"),
        ("JSON as form", FORM, br#"{"channel":"C01GENERAL","text":"x"}"#.to_vec(), "invalid_arg_name"),
        ("no UTF-8 in a form", FORM, b"channel=\xff".to_vec(), "invalid_form_data"),
        ("no UTF-8, escaped", FORM, b"channel=%c3%28".to_vec(), "invalid_form_data"),
        ("half an escape", FORM, b"channel=%e".to_vec(), "channel_not_found"),
        ("ampersands only", FORM, b"&&&".to_vec(), "invalid_arguments"),
        ("no name in a form", FORM, b"=x".to_vec(), "invalid_arg_name"),
        ("PHP list", FORM, b"channel[]=C01GENERAL".to_vec(), "invalid_array_arg"),
        ("PHP map", FORM, b"blocks[0][type]=divider".to_vec(), "invalid_array_arg"),
        ("PHP list, escaped", FORM, b"channel%5B%5D=C01GENERAL".to_vec(), "invalid_array_arg"),
        ("PHP list in JSON", JSON, br#"{"channel[]":"x"}"#.to_vec(), "invalid_array_arg"),
        ("over-long name", FORM, long_name.into(), "invalid_arg_name"),
        ("over-long name in JSON", JSON, long_json.into(), "invalid_arg_name"),
        ("odd name", FORM, b"chan-nel=x".to_vec(), "invalid_arg_name"),
        ("multipart without boundary", "multipart/form-data", whole.clone().into(), "invalid_form_data"),
        (
            "multipart with another boundary",
            "multipart/form-data; boundary=C",
            whole.clone().into(),
            "invalid_form_data",
        ),
        ("cut multipart", boundary, cut.into(), "invalid_form_data"),
        ("empty multipart", boundary, vec![], "invalid_form_data"),
        ("multipart of noise", boundary, vec![0xff; 99], "invalid_form_data"),
        (
            "multipart, no UTF-8",
            boundary,
            multipart("--B\nContent-Disposition: form-data; name=\"text\"\n\n\u{1}\n--B--\n")
                .replace('\u{1}', "X")
                .into_bytes()
                .iter()
                .map(|byte| if *byte == b'X' { 0xff } else { *byte })
                .collect(),
            "invalid_form_data",
        ),
        (
            "multipart PHP list",
            boundary,
            multipart("--B\nContent-Disposition: form-data; name=\"a[]\"\n\nx\n--B--\n").into(),
            "invalid_array_arg",
        ),
        ("unknown charset", "application/json; charset=utf-16", b"{}".to_vec(), "invalid_charset"),
        ("empty charset", "application/json; charset=", b"{}".to_vec(), "invalid_charset"),
        (
            "form with unknown charset",
            "application/x-www-form-urlencoded; charset=koi8-r",
            b"a=b".to_vec(),
            "invalid_charset",
        ),
        ("XML", "application/xml", b"<a/>".to_vec(), "invalid_post_type"),
        ("octets", "application/octet-stream", b"x".to_vec(), "invalid_post_type"),
        ("nonsense type", "nonsense", b"x".to_vec(), "invalid_post_type"),
        ("slashes", "///", b"x".to_vec(), "invalid_post_type"),
        ("a body without type", "", b"channel=C01GENERAL".to_vec(), "missing_post_type"),
        ("nothing at all", "", vec![], "invalid_arguments"),
        ("deep JSON list", JSON, deep("[", "]").into(), "json_not_object"),
        ("deep JSON object", JSON, deep("{\"a\":", "}").replacen("}", "1}", 1).into(), "invalid_arguments"),
        ("half a deep object", JSON, "{\"a\":".repeat(10_000).into(), "invalid_json"),
        ("deep blocks", JSON, deep_member("blocks", deep("[", "]")).into(), "invalid_blocks_format"),
        ("deep attachments", JSON, deep_member("attachments", deep("[", "]")).into(), "invalid_attachments"),
        (
            "deep metadata",
            JSON,
            deep_member("metadata", format!("{{\"event_type\":\"x\",\"event_payload\":{}}}", deep("[", "]")))
                .into(),
            "invalid_metadata_format",
        ),
        (
            "deep text",
            JSON,
            format!("{{\"channel\":\"C01GENERAL\",\"text\":{}}}", deep("[", "]")).into(),
            "ok",
        ),
        (
            "deep blocks in a form",
            FORM,
            format!("channel=C01GENERAL&blocks={}", deep("[", "]")).into(),
            "invalid_blocks_format",
        ),
        (
            "deep quotes of Markdown",
            JSON,
            json!({"channel": GENERAL, "markdown_text": "> ".repeat(6000)}).to_string().into(),
            "no_text",
        ),
        (
            "deep emphasis of Markdown",
            JSON,
            json!({"channel": GENERAL, "markdown_text": format!("{}x", "*".repeat(11_999))})
                .to_string()
                .into(),
            "ok",
        ),
        (
            "deep lists of Markdown",
            JSON,
            json!({"channel": GENERAL, "markdown_text": format!("{}x", "- ".repeat(5999))})
                .to_string()
                .into(),
            "ok",
        ),
        (
            "many stars",
            JSON,
            json!({"channel": GENERAL, "text": "*_~`<".repeat(8000)}).to_string().into(),
            "ok",
        ),
        (
            "many arguments",
            FORM,
            (0..20_000).map(|n| format!("a{n}=1&")).collect::<String>().into(),
            "invalid_arguments",
        ),
        ("twice the same argument", FORM, b"channel=C01NOWHERE&channel=C01GENERAL&text=x".to_vec(), "ok"),
    ];
    for (row, kind, body, expected) in &rows {
        slack_raw(&world, row, kind, body, expected);
    }
    println!("bad input: {} rows of encodings", rows.len());
    world.is_well();
}

/// Values that no argument means.
fn odd_values() -> Vec<Value> {
    vec![
        json!(7),
        json!(-1),
        json!(1e300),
        json!(true),
        json!(null),
        json!([]),
        json!({}),
        json!([1, null]),
        json!({"a": {"b": []}}),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("é\u{202e}🎉"),
        json!("' OR 1=1 --"),
        json!("../../etc/passwd"),
        json!("x".repeat(20_000)),
        json!("[\"U01BEN\""),
        json!("99999999999.999999"),
        json!("9223372036854775807"),
        json!("-9223372036854775808.000001"),
    ]
}

/// Every argument of every method, with values of every wrong kind, in JSON and as a form.
#[test]
fn wrong_types_for_every_argument() {
    let world = World::new();
    world.controlled("POST", "/tokens", &json!({"app": "deploybot", "token": "xoxb-victim"}));
    let own = world.post(DEPLOY, GENERAL, "own");
    let base = json!({"channel": GENERAL, "ts": own, "message_ts": own, "text": "x", "user": "U01BEN", "users": "U01BEN",
        "name": "general", "email": "ada@acme.example", "bot": "B01DEPLOY"});
    let coverage = Coverage::read();
    let mut count = 0;
    for method in METHODS {
        let token = if *method == "auth.revoke" { "xoxb-victim" } else { DEPLOY };
        // The one argument that is echoed as the code, by design.
        let echoed = |argument: &&String| *method == "api.test" && *argument == "error";
        for argument in coverage.methods[*method].iter().filter(|argument| !echoed(argument)) {
            for value in odd_values() {
                let mut args = base.clone();
                args[argument] = value;
                let row = format!(
                    "{method} {argument} = {}",
                    args[argument].to_string().chars().take(40).collect::<String>()
                );
                slack_shape(&world.slack(token, method, &args), &row);
                let url = format!("{}/api/{method}", world.server.url);
                let bearer = format!("Bearer {token}");
                let body = client::form(&args);
                let answer =
                    client::send("POST", &url, &[("authorization", &bearer)], (FORM, body.as_bytes()));
                slack_shape(&answer, &row);
                count += 2;
            }
        }
    }
    println!("bad input: {count} requests of wrong types");
    world.is_well();
}

#[test]
fn activities_and_parameters() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let mine = world.sends(&bot, GENERAL_19, "mine");
    let members = [
        "type",
        "text",
        "textFormat",
        "replyToId",
        "attachments",
        "recipient",
        "summary",
        "channelData",
        "from",
        "entities",
    ];
    let mut count = 0;
    for (verb, path) in
        [("POST", format!("/{GENERAL_19}/activities")), ("PUT", format!("/{GENERAL_19}/activities/{mine}"))]
    {
        for member in members {
            for value in odd_values() {
                let mut body = message("x");
                body[member] = value;
                let answer = world.connector(&bot, verb, &path, &body);
                let row = format!("{verb} {body:.80}");
                error_shape(&answer, &row);
                assert!([200, 201, 202, 400].contains(&answer.status), "{row}: {}", answer.body);
                count += 1;
            }
        }
    }
    for member in ["isGroup", "bot", "members", "topicName", "tenantId", "activity", "channelData"] {
        for value in odd_values() {
            let mut body = json!({"members": [{"id": "29:1ben"}]});
            body[member] = value;
            error_shape(&world.connector(&bot, "POST", "", &body), &body.to_string());
            count += 1;
        }
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_card = format!("{{\"type\":\"message\",\"attachments\":[{{\"content\":{deep}}}]}}");
    let deep_activity = format!(
        "{{\"members\":[{{\"id\":\"29:1ben\"}}],\"activity\":{{\"type\":\"message\",\"text\":\"x\",\"channelData\":{deep}}}}}"
    );
    let half_a_card = deep_card[..9000].to_owned();
    let bodies: [(&str, &[u8]); 10] = [
        ("nothing", b""),
        ("noise", b"\xff\xfe"),
        ("half", b"{\"type\":\"mess"),
        ("list", b"[]"),
        ("null", b"null"),
        ("no UTF-8", b"{\"type\":\"message\",\"text\":\"\xff\"}"),
        ("deep", deep.as_bytes()),
        ("deep card", deep_card.as_bytes()),
        ("half a card", half_a_card.as_bytes()),
        ("deep activity", deep_activity.as_bytes()),
    ];
    let bearer = format!("Bearer {bot}");
    for (name, body) in bodies {
        for (verb, path) in [
            ("POST", format!("/{GENERAL_19}/activities")),
            ("PUT", format!("/{GENERAL_19}/activities/{mine}")),
            ("POST", String::new()),
        ] {
            for kind in [JSON, "text/plain", ""] {
                let url = format!("{}/v3/conversations{path}", world.server.url);
                let answer = client::send(verb, &url, &[("authorization", &bearer)], (kind, body));
                error_shape(&answer, name);
                assert_eq!(answer.outcome(), "400 BadSyntax", "{name} {verb} {path}: {}", answer.body);
                count += 1;
            }
        }
    }
    for path in [
        "/%ff/activities",
        "//activities",
        "/a/b/c/d",
        "/%00/activities",
        "/..%2f..%2fetc/members",
        "/;messageid=/activities",
        "/19:general@thread.tacv2;messageid=%27/members",
    ] {
        for verb in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let answer = world.connector(&bot, verb, path, &Value::Null);
            error_shape(&answer, &format!("{verb} {path}"));
            assert!(answer.status >= 400 || path.contains("general"), "{verb} {path}");
            count += 1;
        }
    }
    println!("bad input: {count} requests to the Connector");
    world.is_well();
}

/// Bodies above what is read, with a length and in chunks.
#[test]
fn huge_bodies() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let bearer = format!("Bearer {bot}");
    let routes: [(&str, String, &str, &str); 4] = [
        ("/api/chat.postMessage", "Bearer xoxb-deploy".into(), FORM, "200 invalid_arguments"),
        (
            "/v3/conversations/19:general@thread.tacv2/activities",
            bearer.clone(),
            JSON,
            "413 MessageSizeTooBig",
        ),
        ("/control/workspaces", "Bearer control-of-tests".into(), JSON, "413 too_large"),
        ("/botframework.com/oauth2/v2.0/token", String::new(), FORM, "400 invalid_request"),
    ];
    for size in [(2 << 20) + 1, 5 << 20] {
        for (path, token, kind, expected) in &routes {
            for chunked in [false, true] {
                let length = if chunked {
                    "Transfer-Encoding: chunked".into()
                } else {
                    format!("Content-Length: {size}")
                };
                let mut bytes = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {token}\r\nContent-Type: {kind}\r\n{length}\r\n\r\n").into_bytes();
                let body = vec![b'a'; size];
                if chunked {
                    for chunk in body.chunks(60_000) {
                        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                        bytes.extend(chunk);
                        bytes.extend(b"\r\n");
                    }
                    bytes.extend(b"0\r\n\r\n");
                } else {
                    bytes.extend(&body);
                }
                let answer = client::raw(&world.server.url, &bytes);
                tells_nothing(&answer, path);
                let code =
                    answer.json["error"]["code"].as_str().or(answer.json["error"].as_str()).unwrap_or("?");
                assert_eq!(
                    format!("{} {code}", answer.status),
                    *expected,
                    "{path} {size} {chunked}: {}",
                    answer.body
                );
            }
        }
    }
    world.is_well();
}

/// A body that ends before its length: the platform's own code where it can still be heard.
#[test]
fn cut_bodies() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let routes = [
        ("/api/chat.postMessage", "xoxb-deploy", "200 request_timeout"),
        ("/v3/conversations/19:general@thread.tacv2/activities", bot.as_str(), "400 BadSyntax"),
        ("/control/workspaces", "control-of-tests", "400 bad_request"),
    ];
    let before = world.state();
    let mut heard = 0;
    for (path, token, expected) in routes {
        for (framing, part) in [
            ("Content-Length: 100", "{\"channel\":\"C01"),
            ("Transfer-Encoding: chunked", "64\r\n{\"type\":"),
            ("Transfer-Encoding: chunked", "5\r\n{\"a\":\r\n"),
        ] {
            let bytes = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n{part}"
            );
            // Whoever closes its sending side may find the connection closed before the answer.
            let Some(answer) = client::parse(&client::exchange(&world.server.url, bytes.as_bytes(), true))
            else {
                continue;
            };
            let code = answer.json["error"]["code"].as_str().or(answer.json["error"].as_str()).unwrap_or("?");
            assert_eq!(format!("{} {code}", answer.status), expected, "{path} {framing}: {}", answer.body);
            heard += 1;
        }
    }
    assert!(0 < heard, "no answer was heard");
    assert_eq!(world.state(), before);
    world.is_well();
}

/// Bytes that are no HTTP: the connection ends, the server does not.
#[test]
fn no_http_at_all() {
    let world = World::new();
    let huge_header =
        format!("GET /api/auth.test HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(5000));
    let rows: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\0\0\0\0",
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"POST /api/auth.test HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        huge_header.as_bytes(),
        many_headers.as_bytes(),
    ];
    for bytes in rows {
        let answer = client::exchange(&world.server.url, bytes, true);
        let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        assert!(line.is_empty() || line.contains(" 4") || line.contains(" 505"), "{line}");
    }
    world.is_well();
}

/// Verbs and methods that are not there.
#[test]
fn verbs_and_unknown_methods() {
    let world = World::new();
    for verb in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = client::send(verb, &format!("{}/api/auth.test", world.server.url), &[AUTH], ("", b""));
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"), "{verb}");
        assert_eq!(answer.json["ok"], false);
    }
    for name in [
        "",
        "nope",
        "chat.postmessage",
        "chat.postMessage/x",
        "chat.postMessage%00",
        "..",
        "chat",
        "search.messages",
        "é",
    ] {
        let url = format!("{}/api/{}", world.server.url, name.replace('é', "%C3%A9"));
        let answer = client::send("POST", &url, &[], ("", b""));
        assert_eq!((answer.status, answer.code()), (200, "unknown_method"), "{name}");
        assert!(answer.json["req_method"].is_string());
    }
    for (verb, path, status) in [
        ("GET", "/", 404),
        ("POST", "/nothing/here", 404),
        ("GET", "/controls", 404),
        ("GET", "/healthz/x", 404),
    ] {
        let answer = client::send(verb, &format!("{}{path}", world.server.url), &[], ("", b""));
        assert_eq!(answer.status, status, "{verb} {path}");
    }
    world.is_well();
}

/// Tokens in every place where the platform takes them, and where it does not.
#[test]
fn tokens_of_the_web_api() {
    let world = World::new();
    let url = format!("{}/api/auth.test", world.server.url);
    let rows: [(&[(&str, &str)], &str, &str, &[u8], &str); 14] = [
        (&[("authorization", "Bearer xoxb-deploy")], "", "", b"", "ok"),
        (&[("authorization", "bearer xoxb-deploy")], "", "", b"", "ok"),
        (&[("authorization", "Bearer  xoxb-deploy ")], "", "", b"", "ok"),
        (&[], "", FORM, b"token=xoxb-deploy", "ok"),
        (&[("authorization", "Bearer fake-token")], "", FORM, b"token=xoxb-deploy", "ok"),
        (&[("authorization", "Bearer xoxb-deploy")], "", FORM, b"token=nonsense", "ok"),
        (&[], "?token=xoxb-deploy", "", b"", "not_authed"),
        (&[], "", JSON, b"{\"token\":\"xoxb-deploy\"}", "not_authed"),
        (&[("authorization", "Basic xoxb-deploy")], "", "", b"", "not_authed"),
        (&[("authorization", "xoxb-deploy")], "", "", b"", "not_authed"),
        (&[("authorization", "Bearer ")], "", "", b"", "not_authed"),
        (&[("authorization", "Bearer XOXB-DEPLOY")], "", "", b"", "invalid_auth"),
        (&[("authorization", "Bearer xoxb-deploy xoxb-deploy")], "", "", b"", "invalid_auth"),
        (&[("authorization", "Bearer ' OR 1=1 --")], "", "", b"", "invalid_auth"),
    ];
    for (headers, query, kind, body, expected) in rows {
        let answer = client::send("POST", &format!("{url}{query}"), headers, (kind, body));
        slack_shape(&answer, query);
        assert_eq!(answer.code(), expected, "{headers:?} {query}");
    }
    world.is_well();
}

struct Forger {
    real: String,
    foreign: EncodingKey,
}

impl Forger {
    fn new(real: String) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der = pair.as_der().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        Self { real, foreign: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap() }
    }

    fn parts(&self) -> Vec<&str> {
        self.real.split('.').collect()
    }

    fn decoded(&self, part: usize) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.parts()[part]).unwrap()).unwrap()
    }

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn header(&self, algorithm: Algorithm) -> Header {
        Header { kid: self.decoded(0)["kid"].as_str().map(str::to_owned), ..Header::new(algorithm) }
    }

    /// The real claims with another one, signed by another key.
    fn foreign(&self, name: &str, value: &Value) -> String {
        let mut claims = self.decoded(1);
        claims[name] = value.clone();
        jsonwebtoken::encode(&self.header(Algorithm::RS256), &claims, &self.foreign).unwrap()
    }

    fn secret(&self, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&self.header(Algorithm::HS256), &self.decoded(1), &key).unwrap()
    }

    /// The real signature under another header or payload.
    fn tampered(&self, part: usize, name: &str, value: &str) -> String {
        let mut changed = self.decoded(part);
        changed[name] = value.into();
        let mut parts: Vec<String> = self.parts().iter().map(|part| (*part).to_owned()).collect();
        parts[part] = Self::encoded(&changed);
        parts.join(".")
    }

    fn unsigned(&self, algorithm: &str) -> String {
        let header = Self::encoded(&json!({"alg": algorithm, "typ": "JWT"}));
        format!("{header}.{}.", self.parts()[1])
    }

    fn all(&self) -> Vec<(String, String)> {
        let [head, claims, signature] = self.parts()[..] else { panic!("{}", self.real) };
        let mut rows: Vec<(String, String)> = Vec::new();
        for algorithm in ["none", "None", "NONE", "nOnE", "", "RS256"] {
            rows.push((format!("alg {algorithm}, unsigned"), self.unsigned(algorithm)));
        }
        let kid = self.decoded(0)["kid"].as_str().unwrap().to_owned();
        for secret in ["", "secret", &kid, HELPDESK.0, HELPDESK.1, TENANT, head] {
            rows.push((format!("HS256 with {secret}"), self.secret(secret)));
        }
        for (name, value) in [
            ("aud", json!("https://api.botframework.com")),
            ("aud", json!("other")),
            ("exp", json!(1)),
            ("iss", json!("other")),
            ("appid", json!(PLANNER.0)),
        ] {
            rows.push((format!("foreign key, {name} {value}"), self.foreign(name, &value)));
        }
        for (part, name, value) in [
            (1, "appid", PLANNER.0),
            (1, "tid", "other"),
            (1, "aud", "other"),
            (0, "alg", "none"),
            (0, "alg", "HS256"),
            (0, "alg", "RS512"),
            (0, "alg", "PS256"),
            (0, "kid", "other"),
        ] {
            rows.push((format!("tampered {name} {value}"), self.tampered(part, name, value)));
        }
        let rest = [
            format!("{head}.{claims}"),
            format!("{head}.{claims}.{signature}."),
            format!("{head}.{claims}.{}", &signature[..signature.len() - 4]),
            format!("{head}..{signature}"),
            "..".into(),
            "null".into(),
            "undefined".into(),
            DEPLOY.into(),
            CONTROL.into(),
            "x".repeat(30_000),
            format!("{head}.{}.{signature}", "A".repeat(30_000)),
            "%00".into(),
        ];
        rows.extend(rest.into_iter().map(|token| (token.chars().take(30).collect(), token)));
        rows
    }
}

/// No forged token does anything, and no real one reaches another tenant.
#[test]
fn forged_tokens_of_the_connector() {
    let world = World::new();
    let real = world.bot(HELPDESK);
    let forger = Forger::new(real.clone());
    let id = world.sends(&real, GENERAL_19, "mine");
    let path = format!("/{GENERAL_19}/activities/{id}");
    let before = world.state();
    let rows = forger.all();
    for (row, token) in &rows {
        for (verb, body) in [("PUT", message("forged")), ("DELETE", Value::Null)] {
            let answer = world.connector(token, verb, &path, &body);
            error_shape(&answer, row);
            assert_eq!(
                (answer.outcome().as_str(), answer.header("www-authenticate")),
                ("401 BotNotRegistered", "Bearer"),
                "{row}: {}",
                answer.body
            );
        }
    }
    for header in ["", "Bearer", "Bearer ", "Basic abc", &real, "Digest x"] {
        let url = format!("{}/v3/conversations{path}", world.server.url);
        let answer = client::send("DELETE", &url, &[("authorization", header)], ("", b""));
        assert_eq!(answer.outcome(), "401 BotNotRegistered", "{header:.20}");
    }
    assert_eq!(world.state(), before);
    let seed = json!({"workspace": {"name": "Else"}, "people": [{"name": "ada"}], "apps": [{"kind": "teams", "name": "spy", "app_id": "44444444-0000-4000-8000-000000000001", "app_password": "spy"}]});
    assert_eq!(control(&world.server.url, "POST", "/workspaces", &seed).status, 201);
    let spy = world.bot_at("botframework.com", ("44444444-0000-4000-8000-000000000001", "spy"));
    assert_eq!(world.connector(&spy, "PUT", &path, &message("x")).outcome(), "404 ConversationNotFound");
    assert_eq!(world.state(), before);
    world.controlled("DELETE", "/apps/helpdesk", &Value::Null);
    assert_eq!(world.connector(&real, "PUT", &path, &message("x")).outcome(), "401 BotNotRegistered");
    println!("bad input: {} forged tokens", rows.len());
    world.is_well();
}

/// A page of another host does not reach a server on loopback, on any route.
#[test]
fn foreign_hosts_and_origins() {
    let world = World::new();
    let routes = [
        ("POST", "/api/auth.test"),
        ("GET", "/api/api.test"),
        ("POST", "/api/no.such"),
        ("POST", "/v3/conversations"),
        ("PUT", "/teams/t/v3/conversations/a/activities/1"),
        ("POST", "/botframework.com/oauth2/v2.0/token"),
        ("GET", "/control/workspaces"),
        ("GET", "/control/openapi.json"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("GET", "/anything"),
    ];
    let local = world.server.url.trim_start_matches("http://").to_owned();
    let headers: [(String, bool); 14] = [
        (format!("Host: {local}"), true),
        ("Host: localhost".into(), true),
        ("Host: [::1]:99".into(), true),
        (format!("Host: {local}\r\nOrigin: http://localhost:8080"), true),
        ("Host: evil.example".into(), false),
        ("Host: 127.0.0.1.evil.example".into(), false),
        ("Host: 10.0.0.1".into(), false),
        ("Host: localhost.evil.example:3000".into(), false),
        ("Host:".into(), false),
        ("Host: \u{e9}".into(), false),
        (format!("Host: {local}\r\nOrigin: http://evil.example"), false),
        (format!("Host: {local}\r\nOrigin: null"), false),
        (format!("Host: {local}\r\nOrigin: https://localhost.evil.example"), false),
        (format!("Host: {local}\r\nOrigin: "), false),
    ];
    for (verb, path) in routes {
        for (head, allowed) in &headers {
            let bytes = format!(
                "{verb} {path} HTTP/1.1\r\n{head}\r\nAuthorization: Bearer xoxb-deploy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = client::raw(&world.server.url, bytes.as_bytes());
            let row = format!("{verb} {path} {head:?}: {} {}", answer.status, answer.body);
            let named = answer.body.contains("a host that is not this server's");
            assert_eq!(!named, *allowed, "{row}");
            if !*allowed && !answer.body.is_empty() {
                assert_eq!(answer.status, 403, "{row}");
                let slack = answer.json["error"] == "access_denied";
                assert_eq!(slack, path.starts_with("/api"), "{row}");
                assert!(slack || answer.json["error"]["code"] == "InvalidBotApiHost", "{row}");
            }
        }
    }
    let absolute = "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(client::raw(&world.server.url, absolute.as_bytes()).status, 403);
    println!("bad input: {} rows of hosts", routes.len() * headers.len() + 1);
    world.is_well();
}

/// When nothing more can be written, callers hear so in their dialect and of nothing inside; what was acknowledged stays.
#[test]
fn a_disk_that_is_full() {
    let folder = Folder::new("disk");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_redraft")]);
    let path = folder.0.to_str().unwrap().to_owned();
    let world = World::on(Server::launch(command, &["--data", &path], &[]));
    let bot = world.bot(HELPDESK);
    let text = "x".repeat(30_000);
    let mut posted = Vec::new();
    let mut refused = Vec::new();
    for length in [30_000, 3000, 1].into_iter().cycle() {
        let answer =
            world.slack(DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": text[..length]}));
        if answer.code() == "ok" {
            posted.push((text_of(&answer.json, "ts"), length));
            refused.clear();
        } else {
            refused.push(answer);
        }
        if refused.len() == 9 {
            break;
        }
        assert!(posted.len() < 3000, "the disk is never full");
    }
    let ready = client::send("GET", &format!("{}/readyz", world.server.url), &[], ("", b""));
    assert_eq!((ready.status, ready.body.contains("is the disk full?")), (503, true), "{}", ready.body);
    let refused = refused.pop().unwrap();
    let revoked = world.slack(POLL, "auth.revoke", &json!({}));
    let sent = world.connector(&bot, "POST", &format!("/{GENERAL_19}/activities"), &message("one more"));
    for answer in [&refused, &revoked, &sent] {
        let calm = Answer { status: 200, ..answer.clone() };
        tells_nothing(&calm, "a full disk");
    }
    assert!(["internal_error", "fatal_error"].contains(&refused.code()), "{}", refused.body);
    assert!(["internal_error", "fatal_error"].contains(&revoked.code()), "{}", revoked.body);
    assert_eq!(sent.outcome(), "500 ServiceError", "{}", sent.body);
    assert!(!world.server.log.lock().unwrap().contains("panicked"));
    drop(world);
    let world = World::on(Server::in_folder(&folder.0));
    for (ts, length) in &posted {
        assert_eq!(world.stored(GENERAL, ts)["text"], text[..*length]);
    }
    assert_eq!(
        world.slack(POLL, "auth.test", &json!({})).code(),
        "ok",
        "a refused revocation did not happen"
    );
    println!(
        "bad input: the disk was full after {} posts: {} {}",
        posted.len(),
        refused.code(),
        revoked.code()
    );
}
