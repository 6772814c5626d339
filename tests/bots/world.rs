//! A server with a bot of ours on one of its platforms.

use redraft_bot::{
    Activity, Adapter, Bot, BoxFuture, Capabilities, ClientSecret, Cloud, ConnectorAdapter,
    ConnectorSettings, ConversationAccount, ConversationReference, Error, Found, Marker, ResourceResponse,
    SlackAdapter, SlackSettings, SlackToken,
};
use redraft_test::{App, Channel, Platform, Redraft};
use tokio::net::TcpListener;

pub const BOTH: [Platform; 2] = [Platform::Slack, Platform::Teams];

/// The app that is the bot on a platform.
pub fn app(redraft: &Redraft, platform: Platform) -> App {
    redraft.app(if platform == Platform::Slack { "pollbot" } else { "helpdesk" })
}

/// Where the bot calls, and as whom. All of it may be handed to another process.
#[derive(Clone, Debug)]
pub struct Access {
    pub slack: bool,
    /// Whether the platform keeps idempotency keys. Redraft does; the bot can do as if it did not.
    pub stores_keys: bool,
    pub url: String,
    pub id: String,
    pub secret: String,
    pub tenant: String,
    pub conversation: String,
    pub service_url: String,
}

impl Access {
    pub fn of(redraft: &Redraft, platform: Platform, channel: &Channel) -> Self {
        let app = app(redraft, platform);
        let slack = platform == Platform::Slack;
        let text = |text: Result<&str, redraft_test::Error>| text.unwrap().to_owned();
        Self {
            slack,
            stores_keys: true,
            url: redraft.url().to_owned(),
            id: if slack { text(app.signing_secret()) } else { text(app.app_id()) },
            secret: if slack { text(app.bot_token()) } else { text(app.app_password()) },
            tenant: redraft.tenant_id().to_owned(),
            conversation: if slack { text(channel.id()) } else { text(channel.conversation_id()) },
            service_url: redraft.service_url().to_owned(),
        }
    }

    /// The same through a proxy in front of the server.
    pub fn through(&self, proxy: &str) -> Self {
        let service_url = self.service_url.replace(&self.url, proxy);
        Self { url: proxy.to_owned(), service_url, ..self.clone() }
    }

    pub fn put_on(&self, bot: Bot) -> Bot {
        if self.slack {
            let settings = SlackSettings::new(SlackToken::new(&*self.secret))
                .signing_secret(&*self.id)
                .api_url(format!("{}/api/", self.url));
            let adapter = SlackAdapter::new(settings).unwrap();
            return if self.stores_keys {
                bot.with_adapter(adapter)
            } else {
                bot.with_adapter(WithoutKeys(adapter))
            };
        }
        let provider = ClientSecret::new(&*self.id, &*self.secret).tenant(&*self.tenant);
        let cloud = Cloud::redraft(&self.url);
        let settings = ConnectorSettings::new(&*self.id, provider).cloud(cloud);
        let adapter = ConnectorAdapter::new(settings).unwrap();
        if self.stores_keys { bot.with_adapter(adapter) } else { bot.with_adapter(WithoutKeys(adapter)) }
    }

    pub fn reference(&self) -> ConversationReference {
        let mut reference = ConversationReference::default();
        reference.channel_id = Some(if self.slack { "slack" } else { "msteams" }.to_owned());
        reference.conversation = Some(ConversationAccount::new(&*self.conversation));
        reference.service_url = (!self.slack).then(|| self.service_url.clone());
        reference
    }
}

/// A platform that keeps no idempotency keys, as Slack and Teams themselves don't.
struct WithoutKeys<A>(A);

impl<A: Adapter> Adapter for WithoutKeys<A> {
    fn channel_id(&self) -> &str {
        self.0.channel_id()
    }

    fn capabilities(&self, reference: &ConversationReference) -> Capabilities {
        let mut can = self.0.capabilities(reference);
        can.send_once = false;
        can
    }

    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        self.0.send(activity)
    }

    fn update<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        self.0.update(activity)
    }

    fn delete<'a>(&'a self, reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>> {
        self.0.delete(reference)
    }

    fn find_marked<'a>(
        &'a self,
        reference: &'a ConversationReference,
        marker: &'a Marker,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, Error>> {
        self.0.find_marked(reference, marker, since_ms)
    }
}

/// Has a bot listen for a platform, until it is shut down.
pub async fn listen(redraft: &Redraft, platform: Platform, bot: Bot) -> Bot {
    let bot = Access::of(redraft, platform, &redraft.channel("general")).put_on(bot);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = bot.adapters()[0].path().unwrap().to_owned();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    let serving = bot.clone();
    tokio::spawn(async move { serving.serve(listener).await });
    let app = app(redraft, platform);
    app.listen_at(&url).await.unwrap();
    if platform == Platform::Slack {
        app.change(serde_json::json!({"bot_events": ["message.channels"]})).await.unwrap();
    }
    bot
}
