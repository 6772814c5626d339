//! What every adapter is given by the trait.

use redraft_bot::{
    Activity, Adapter, BoxFuture, Capabilities, ConversationReference, Error, ResourceResponse,
};

/// A platform that says yes to everything.
pub(crate) struct Yes;

impl Adapter for Yes {
    fn channel_id(&self) -> &str {
        "yes"
    }

    fn capabilities(&self, _reference: &ConversationReference) -> Capabilities {
        Capabilities::NONE
    }

    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        let id = format!("sent {}", activity.text.clone().unwrap_or_default());
        Box::pin(async { Ok(ResourceResponse::new(id)) })
    }

    fn update<'a>(&'a self, _activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(async { Ok(ResourceResponse::default()) })
    }

    fn delete<'a>(&'a self, _reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_platform_without_keys_sends_once_by_sending() {
    let sent = Yes.send_once(&"hello".into(), "deploy-1234").await;
    assert_eq!(sent.unwrap().id.as_deref(), Some("sent hello"));
}
