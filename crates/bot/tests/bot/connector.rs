//! Calls to the Connector over real connections.

use redraft_bot::{
    Activity, Adapter, Anonymous, Cloud, ConnectorAdapter, ConnectorSettings, ConversationReference, Error,
    Repeat,
};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Reads the head of each request and hangs up.
async fn hanging_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or_default() == 0 {
                    break;
                }
            }
        }
    });
    url
}

fn adapter(cloud: Cloud) -> ConnectorAdapter {
    ConnectorAdapter::new(ConnectorSettings::new("the-app", Anonymous).cloud(cloud)).unwrap()
}

fn repeat<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Repeat {
    match outcome {
        Err(Error::Unanswered { repeat, .. }) => repeat,
        other => panic!("it is answered: {other:?}"),
    }
}

#[tokio::test]
async fn what_was_not_answered_says_whether_it_may_be_asked_again() {
    let place = |url: &str| -> ConversationReference {
        let reference = json!({"activityId": "17", "serviceUrl": url, "conversation": {"id": "a:1"}});
        serde_json::from_value(reference).unwrap()
    };
    let service = place(&hanging_up().await);
    let message = Activity::from("hi").to(&service);
    let teams = adapter(Cloud::public());
    assert_eq!(repeat(teams.send(&message).await), Repeat::MayDuplicate);
    assert_eq!(repeat(teams.send_once(&message, "key").await), Repeat::MayDuplicate, "Teams keeps no keys");
    assert_eq!(repeat(teams.update(&message.clone().with_id("17")).await), Repeat::Safe);
    assert_eq!(repeat(teams.delete(&service).await), Repeat::Safe);
    let redraft = adapter(Cloud::redraft("http://127.0.0.1:3000"));
    assert_eq!(repeat(redraft.send_once(&message, "key").await), Repeat::Safe);
    assert_eq!(repeat(redraft.send(&message).await), Repeat::MayDuplicate);

    // Nothing left where nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = Activity::from("hi").to(&place(&format!("http://{closed}")));
    assert_eq!(repeat(teams.send(&nowhere).await), Repeat::Safe);
}
