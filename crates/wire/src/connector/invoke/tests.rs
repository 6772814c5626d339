use super::*;
use serde_json::json;

fn card(status: u16, body: &str) -> Result<CardAnswer, String> {
    card_answer(status, body.as_bytes()).map_err(|malformed| malformed.0)
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn answers_to_a_card() {
    let failed = |code: &str, message: &str| Failure { code: code.into(), message: message.into() };
    let error = |status_code, failure| CardAnswer::Error { status_code, failure };
    let view = CardAnswer::Card(map(json!({"type": "AdaptiveCard", "body": []})));
    for (status, body, wanted) in [
        (
            200,
            r#"{"statusCode":200,"type":"application/vnd.microsoft.card.adaptive","value":{"type":"AdaptiveCard","body":[]}}"#,
            view.clone(),
        ),
        (
            200,
            r#"{"type":"application/vnd.microsoft.adaptive.card","value":{"type":"AdaptiveCard","body":[]}}"#,
            view,
        ),
        (
            200,
            r#"{"statusCode":200,"type":"application/vnd.microsoft.activity.message","value":"Done"}"#,
            CardAnswer::Message("Done".into()),
        ),
        (
            200,
            r#"{"statusCode":400,"type":"application/vnd.microsoft.error","value":{"code":"Bad","message":"no"}}"#,
            error(400, failed("Bad", "no")),
        ),
        (
            400,
            r#"{"statusCode":400,"type":"application/vnd.microsoft.error","value":{"code":"NotSupported"}}"#,
            error(400, failed("NotSupported", "")),
        ),
        (
            200,
            r#"{"statusCode":500,"type":"application/vnd.microsoft.error","value":"oh"}"#,
            error(500, failed("", "oh")),
        ),
        (
            200,
            r#"{"statusCode":500,"type":"application/vnd.microsoft.error","value":{"code":7,"message":null}}"#,
            error(500, failed("7", "")),
        ),
        (
            200,
            r#"{"statusCode":401,"type":"application/vnd.microsoft.activity.loginRequest","value":{"text":"x"}}"#,
            CardAnswer::LoginRequest(json!({"text": "x"})),
        ),
        (
            200,
            r#"{"statusCode":401,"type":"application/vnd.microsoft.error.incorrectAuthCode","value":null}"#,
            CardAnswer::IncorrectAuthCode,
        ),
        (
            200,
            r#"{"statusCode":401,"type":"application/vnd.microsoft.error.inccorectAuthCode"}"#,
            CardAnswer::IncorrectAuthCode,
        ),
        (
            200,
            r#"{"statusCode":412,"type":"application/vnd.microsoft.error.preconditionFailed","value":{"code":"412","message":"m"}}"#,
            CardAnswer::PreconditionFailed(failed("412", "m")),
        ),
    ] {
        assert_eq!(card(status, body), Ok(wanted), "{body}");
    }
}

#[test]
fn answers_to_a_card_that_are_none() {
    for (status, body, part) in [
        (501, "", "status 501: it has no handler for adaptiveCard/action"),
        (500, "boom", "status 500"),
        (401, "{}", "did not accept"),
        (404, r#"{"type":7}"#, "status 404"),
        (302, "", "status 302"),
        (200, "", "without a body"),
        (200, " null ", "without a body"),
        (200, "[]", "without a body"),
        (200, "{", "not JSON"),
        (200, "{}", "without type"),
        (200, r#"{"type":"x"}"#, "not known: x"),
        (200, r#"{"statusCode":"200","type":"x"}"#, "statusCode"),
        (200, r#"{"type":"application/vnd.microsoft.card.adaptive","value":{"type":"X"}}"#, "no object"),
        (200, r#"{"type":"application/vnd.microsoft.card.adaptive","value":"{}"}"#, "no object"),
        (200, r#"{"type":"application/vnd.microsoft.activity.message","value":{}}"#, "no string"),
    ] {
        let words = card(status, body).unwrap_err();
        assert!(words.contains(part), "{body}: {words}");
    }
}

#[test]
fn answers_to_a_dialog() {
    let card = map(json!({"type": "AdaptiveCard"}));
    let info = TaskInfo {
        title: Some("T".into()),
        height: Some(json!(300)),
        width: Some(json!("medium")),
        ..TaskInfo::default()
    };
    let with = |card: Value| json!({"task": {"type": "continue", "value": {"title": "T", "height": 300, "width": "medium", "card": card}}});
    let attachment = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}});
    let page = json!({"task": {"type": "continue", "value": {"url": "https://x/", "fallbackUrl": "https://y/", "completionBotId": "b"}}});
    let page_info = TaskInfo {
        fallback_url: Some("https://y/".into()),
        completion_bot_id: Some("b".into()),
        ..TaskInfo::default()
    };
    for (name, body, wanted) in [
        ("task/fetch", with(attachment), TaskAnswer::Card { info: info.clone(), card: card.clone() }),
        ("task/submit", with(json!({"type": "AdaptiveCard"})), TaskAnswer::Card { info, card }),
        ("task/fetch", page, TaskAnswer::Url { info: page_info, url: "https://x/".into() }),
        (
            "task/submit",
            json!({"task": {"type": "message", "value": "ok"}}),
            TaskAnswer::Message("ok".into()),
        ),
        ("task/submit", json!({}), TaskAnswer::Closed),
        ("task/submit", json!({"task": null}), TaskAnswer::Closed),
        ("task/submit", Value::Null, TaskAnswer::Closed),
    ] {
        assert_eq!(task_answer(name, 200, body.to_string().as_bytes()), Ok(wanted), "{body}");
    }
    assert_eq!(task_answer("task/submit", 200, b""), Ok(TaskAnswer::Closed));
    for (name, status, body, part) in [
        ("task/fetch", 501, "", "no handler for task/fetch"),
        ("task/fetch", 200, "", "no dialog"),
        ("message/fetchTask", 200, "{}", "no dialog"),
        ("task/submit", 200, "<", "not JSON"),
        ("task/submit", 200, r#"{"task":{}}"#, "without type"),
        ("task/submit", 200, r#"{"task":{"type":"x"}}"#, "not known: x"),
        ("task/submit", 200, r#"{"task":{"type":"message","value":{}}}"#, "no string"),
        ("task/submit", 200, r#"{"task":{"type":"continue"}}"#, "no object"),
        ("task/submit", 200, r#"{"task":{"type":"continue","value":{}}}"#, "neither card nor url"),
        (
            "task/submit",
            200,
            r#"{"task":{"type":"continue","value":{"card":{"content":1}}}}"#,
            "no attachment",
        ),
    ] {
        let words = task_answer(name, status, body.as_bytes()).unwrap_err().0;
        assert!(words.contains(part), "{body}: {words}");
    }
}

#[test]
fn short_answers() {
    for body in ["", "{}", "null", " "] {
        assert_eq!(feedback_answer(200, body.as_bytes()), Ok(()), "{body}");
    }
    assert!(feedback_answer(200, b"{\"a\":1}").unwrap_err().0.contains("has to be empty"));
    assert!(feedback_answer(501, b"").unwrap_err().0.contains("no handler for message/submitAction"));
    assert_eq!(plain_answer("", 202), Ok(()));
    let words = "the bot answered the invoke with status 418";
    assert_eq!(plain_answer("", 418), Err(Malformed(words.into())));
}

#[test]
fn replies_at_once() {
    let found = replies(200, br#"{"activities":[{"z": 1}, {"a":2}],"x":1}"#).unwrap();
    let texts: Vec<&str> = found.iter().map(|activity| activity.get()).collect();
    assert_eq!(texts, [r#"{"z": 1}"#, r#"{"a":2}"#]);
    let many = |count: usize| format!(r#"{{"activities":[{}]}}"#, vec!["{}"; count].join(","));
    assert_eq!(replies(200, many(REPLIES_MAX).as_bytes()).unwrap().len(), REPLIES_MAX);
    for (status, body, part) in [
        (200, "", "activities"),
        (200, "{}", "activities"),
        (500, r#"{"activities":[]}"#, "status 500"),
        (200, &many(REPLIES_MAX + 1), "more than"),
    ] {
        let words = replies(status, body.as_bytes()).unwrap_err().0;
        assert!(words.contains(part), "{words}");
    }
}
