//! The adapter of the Connector: Microsoft Teams above all.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::auth::{Untrusted, Verifier};
use super::client::ConnectorClient;
use super::cloud::Cloud;
use super::token::{Anonymous, ClientSecret, ManagedIdentity, TokenProvider, Tokens, now_seconds};
use super::trust::TrustedServices;
use crate::activity::{
    Activity, ActivityType, ChannelAccount, ConversationAccount, ConversationParameters,
    ConversationReference, Entity, ResourceResponse,
};
use crate::adapter::{Adapter, BoxFuture, Capabilities, Stream};
use crate::bot::{Bot, TurnOutcome};
use crate::error::Error;
use crate::http::HttpClient;
use crate::service::plain;

/// The path on which the channel calls a bot, by convention.
const PATH: &str = "/api/messages";
/// The pause between two changes of one message, in milliseconds. Teams allows 60 calls in 30 seconds in a conversation; this
/// leaves half of them for other messages.
const UPDATE_INTERVAL_MS: u64 = 1000;

/// Settings of a [`ConnectorAdapter`].
#[derive(Clone)]
pub struct ConnectorSettings {
    app_id: Option<String>,
    provider: Arc<dyn TokenProvider>,
    cloud: Cloud,
    path: String,
    audiences: Vec<String>,
    tenants: Option<Vec<String>>,
    trusted: Vec<String>,
}

impl std::fmt::Debug for ConnectorSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("ConnectorSettings");
        shown.field("app_id", &self.app_id).field("cloud", &self.cloud).field("path", &self.path);
        shown.field("audiences", &self.audiences).field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

impl ConnectorSettings {
    /// A bot with this app id, whose tokens come from this provider. The tokens of calls to it are verified.
    #[must_use]
    pub fn new(app_id: impl Into<String>, provider: impl TokenProvider) -> Self {
        Self { app_id: Some(app_id.into()), provider: Arc::new(provider), ..Self::anonymous() }
    }

    /// A bot that calls without a token and **verifies no caller**: whoever reaches it can pose as anybody. For local work.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            app_id: None,
            provider: Arc::new(Anonymous),
            cloud: Cloud::public(),
            path: PATH.to_owned(),
            audiences: Vec::new(),
            tenants: None,
            trusted: Vec::new(),
        }
    }

    /// By the official names in the environment: `MicrosoftAppId`, `MicrosoftAppPassword`, `MicrosoftAppTenantId` and
    /// `MicrosoftAppType` (`SingleTenant`, `MultiTenant`, `UserAssignedMSI`), or `CLIENT_ID`, `CLIENT_SECRET` and `TENANT_ID`;
    /// `CLOUD` is `Public`, `USGov`, `USGovDoD`, `China`, or the address of a Redraft server. Without an app id the bot is
    /// [`anonymous`](Self::anonymous), and the log says so.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if a variable is missing or unknown.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let first = |names: &[&str]| {
            names.iter().find_map(|name| variable(name).filter(|value| !value.trim().is_empty()))
        };
        let misconfigured = |words: String| Err(Error::Misconfigured(words));
        let cloud = match first(&["CLOUD", "ChannelService"]) {
            None => Cloud::public(),
            Some(name) => match Cloud::named(&name) {
                Some(cloud) => cloud,
                None => return misconfigured(format!("CLOUD={name:?} is no cloud that is known.")),
            },
        };
        let Some(app_id) = first(&["MicrosoftAppId", "CLIENT_ID"]) else {
            return Ok(Self::anonymous().cloud(cloud));
        };
        let secret = first(&["MicrosoftAppPassword", "CLIENT_SECRET"]);
        let tenant = first(&["MicrosoftAppTenantId", "TENANT_ID"]);
        let kind = first(&["MicrosoftAppType"]).unwrap_or_default().to_ascii_lowercase();
        let with_secret = |tenant: Option<String>| match secret.clone() {
            Some(secret) => {
                let provider = ClientSecret::new(&app_id, secret);
                Ok(Self::new(
                    &app_id,
                    match tenant {
                        Some(tenant) => provider.tenant(tenant),
                        None => provider,
                    },
                ))
            }
            None => misconfigured(
                "MicrosoftAppPassword (or CLIENT_SECRET) is missing. With a managed identity, set \
                 MicrosoftAppType=UserAssignedMSI."
                    .to_owned(),
            ),
        };
        let settings = match kind.as_str() {
            "userassignedmsi" => Self::new(&app_id, ManagedIdentity::user_assigned(&app_id)),
            "singletenant" if tenant.is_none() => {
                return misconfigured("MicrosoftAppTenantId (or TENANT_ID) is missing.".to_owned());
            }
            "multitenant" => with_secret(None)?,
            "" | "singletenant" => with_secret(tenant)?,
            other => return misconfigured(format!("MicrosoftAppType={other:?} is not known.")),
        };
        Ok(settings.cloud(cloud))
    }

    /// Uses another cloud than Microsoft's public one.
    #[must_use]
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Receives calls on this path. The default is `/api/messages`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Also accepts tokens for this audience, such as `api://botid-…`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Also sends the bot's tokens to this service. The services of the cloud, and those that verified activities name,
    /// get them in any case. A bot that writes to stored conversation references of other services, before one of these calls it,
    /// names them here.
    #[must_use]
    pub fn trust_service_url(mut self, service_url: impl Into<String>) -> Self {
        self.trusted.push(service_url.into());
        self
    }

    /// Accepts calls from these tenants alone.
    #[must_use]
    pub fn tenants<T: Into<String>>(mut self, tenant_ids: impl IntoIterator<Item = T>) -> Self {
        self.tenants = Some(tenant_ids.into_iter().map(Into::into).collect());
        self
    }
}

/// Microsoft Teams, and the other channels of the Bot Connector.
///
/// ```no_run
/// use redraft_bot::{Bot, ConnectorAdapter, TurnContext, TurnResult};
///
/// async fn on_turn(context: TurnContext) -> TurnResult {
///     context.send_activity(format!("You said: {}", context.text())).await?;
///     Ok(())
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let bot = Bot::new(on_turn).with_adapter(ConnectorAdapter::from_env()?);
/// bot.listen("0.0.0.0:3978").await?;
/// # Ok(())
/// # }
/// ```
///
/// A call is accepted only if its token is signed by the channel, is for this bot, has not expired, and names the activity's
/// service URL, to which the bot will answer. A turn runs to its end even if the caller closes the connection.
#[derive(Debug)]
pub struct ConnectorAdapter {
    client: ConnectorClient,
    app_id: Option<String>,
    path: String,
    stores_keys: bool,
    /// `None` if nobody is checked.
    verifier: Option<Verifier>,
}

impl ConnectorAdapter {
    /// With these settings.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if TLS can't be set up on this machine.
    pub fn new(settings: ConnectorSettings) -> Result<Self, Error> {
        Ok(Self::with_client(settings, HttpClient::new()?))
    }

    /// With [`ConnectorSettings::from_env`].
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if a setting is missing, or TLS can't be set up on this machine.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(ConnectorSettings::from_env()?)
    }

    pub(super) fn with_client(settings: ConnectorSettings, http: HttpClient) -> Self {
        let ConnectorSettings { app_id, provider, cloud, path, mut audiences, tenants, mut trusted } =
            settings;
        let verifier = if let Some(app_id) = &app_id {
            audiences.push(app_id.clone());
            Some(Verifier::new(http.clone(), &cloud, audiences, tenants))
        } else {
            tracing::warn!(
                "no app id: calls to the bot are not checked, whoever reaches it can speak for anybody"
            );
            None
        };
        let stores_keys = cloud.stores_keys;
        // Redraft is service and authority in one.
        trusted.extend(stores_keys.then(|| cloud.login_endpoint.clone()));
        let trusted = TrustedServices::new(&cloud, &trusted);
        let tokens = Tokens::new(provider, cloud, http.clone());
        let client = ConnectorClient::new(http, tokens, trusted, stores_keys);
        Self { client, app_id, path, stores_keys, verifier }
    }

    /// The REST API, with this bot's tokens.
    #[must_use]
    pub fn client(&self) -> &ConnectorClient {
        &self.client
    }

    async fn authenticate(&self, request: &Request<Bytes>) -> Result<Activity, Untrusted> {
        let header = |name| request.headers().get(name);
        let kind = header(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let words = "An activity comes as application/json.";
            return Err(Untrusted { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, words });
        }
        // Who calls is known before a byte of the body is read.
        let caller = match &self.verifier {
            Some(verifier) => {
                let caller = verifier.verify(header(AUTHORIZATION), now_seconds()).await?;
                Some((verifier, caller))
            }
            None => None,
        };
        let activity = read(request.body())?;
        if let Some((verifier, caller)) = caller {
            verifier.bind(&caller, &activity)?;
            self.client.trust(activity.service_url.as_deref().unwrap_or_default());
        }
        Ok(activity)
    }

    fn stream_step(activity: &Activity, id: Option<&str>, sequence: Option<u64>) -> Activity {
        let mut activity = activity.clone();
        let mut facts = serde_json::Map::new();
        facts.insert("streamType".to_owned(), if sequence.is_some() { "streaming" } else { "final" }.into());
        facts.extend(id.map(|id| ("streamId".to_owned(), id.into())));
        facts.extend(sequence.map(|sequence| ("streamSequence".to_owned(), sequence.into())));
        if let Some(Value::Object(data)) = activity.channel_data.as_mut() {
            data.extend(facts.clone());
        } else {
            activity.channel_data = Some(Value::Object(facts.clone()));
        }
        let entity = Entity { r#type: Some("streaminfo".to_owned()), extra: facts, ..Entity::default() };
        activity.entities.push(entity);
        activity.id = id.map(str::to_owned);
        activity.r#type = Some(if sequence.is_some() { ActivityType::Typing } else { ActivityType::Message });
        activity
    }
}

/// Reads an activity, of which a bot needs these members at least.
fn read(body: &[u8]) -> Result<Activity, Untrusted> {
    let malformed = |words| Untrusted { status: StatusCode::BAD_REQUEST, words };
    let activity: Activity = serde_json::from_slice(body)
        .map_err(|_| malformed("The body is no activity: it is no JSON object."))?;
    let text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let conversation = activity.conversation.as_ref();
    if activity.r#type.as_ref().is_none_or(|r#type| r#type.as_str().is_empty()) {
        Err(malformed("The activity has no type."))
    } else if !text(&activity.channel_id) {
        Err(malformed("The activity has no channelId."))
    } else if conversation.is_none_or(|conversation| !text(&conversation.id)) {
        Err(malformed("The activity has no conversation."))
    } else if !text(&activity.service_url) {
        Err(malformed("The activity has no serviceUrl."))
    } else {
        Ok(activity)
    }
}

fn json_answer(status: StatusCode, body: Option<&Value>) -> Response<Bytes> {
    let mut response = Response::new(body.map(Value::to_string).unwrap_or_default().into());
    *response.status_mut() = status;
    if body.is_some() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

fn answer(outcome: TurnOutcome) -> Response<Bytes> {
    match outcome {
        TurnOutcome::Done => json_answer(StatusCode::OK, None),
        TurnOutcome::Invoke(response) => {
            let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            json_answer(status, response.body.as_ref())
        }
        TurnOutcome::Replies(activities) => {
            json_answer(StatusCode::OK, Some(&json!({"activities": activities})))
        }
        TurnOutcome::Failed => plain(StatusCode::INTERNAL_SERVER_ERROR, "The bot failed."),
    }
}

/// Whether exactly one person is in it; `None` if nothing says so.
fn is_personal(conversation: Option<&ConversationAccount>) -> Option<bool> {
    let conversation = conversation?;
    match conversation.conversation_type.as_deref() {
        Some(r#type) => Some(r#type == "personal"),
        None => conversation.is_group.map(|group| !group).or_else(|| {
            let id = conversation.id.as_deref()?;
            if id.starts_with("a:") { Some(true) } else { id.starts_with("19:").then_some(false) }
        }),
    }
}

impl Adapter for ConnectorAdapter {
    fn channel_id(&self) -> &str {
        "msteams"
    }

    /// Every channel of the Connector. Slack has an adapter of its own.
    fn serves(&self, channel_id: &str) -> bool {
        channel_id != "slack"
    }

    fn capabilities(&self, reference: &ConversationReference) -> Capabilities {
        let teams = reference.channel_id.as_deref().is_none_or(|channel| channel.starts_with("msteams"));
        let personal = is_personal(reference.conversation.as_ref());
        let targeted = teams && personal == Some(false);
        Capabilities {
            update: true,
            delete: true,
            targeted,
            update_targeted: targeted,
            stream: teams && personal == Some(true),
            typing: true,
            send_once: self.stores_keys,
            update_interval_ms: UPDATE_INTERVAL_MS,
            ..Capabilities::NONE
        }
    }

    fn send<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.client.send(activity))
    }

    fn send_once<'a>(
        &'a self,
        activity: &'a Activity,
        key: &'a str,
    ) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.client.send_once(activity, key))
    }

    fn update<'a>(&'a self, activity: &'a Activity) -> BoxFuture<'a, Result<ResourceResponse, Error>> {
        Box::pin(self.client.update(activity))
    }

    fn delete<'a>(&'a self, reference: &'a ConversationReference) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.client.delete(reference))
    }

    fn create_conversation<'a>(
        &'a self,
        service_url: &'a str,
        parameters: &'a ConversationParameters,
    ) -> BoxFuture<'a, Result<ConversationReference, Error>> {
        let mut parameters = parameters.clone();
        if let (None, Some(app_id)) = (&parameters.bot, &self.app_id) {
            parameters.bot = Some(ChannelAccount::new(format!("28:{app_id}")));
        }
        Box::pin(async move { self.client.create_conversation(service_url, &parameters).await })
    }

    fn start_stream<'a>(&'a self, first: &'a Activity) -> BoxFuture<'a, Result<Stream, Error>> {
        Box::pin(async move {
            let reference = ConversationReference {
                bot: first.from.clone(),
                user: first.recipient.clone(),
                conversation: first.conversation.clone(),
                channel_id: first.channel_id.clone(),
                service_url: first.service_url.clone(),
                locale: first.locale.clone(),
                ..ConversationReference::default()
            };
            if !self.capabilities(&reference).stream {
                return Err(Error::Unsupported { platform: "Teams", verb: "stream but to one person" });
            }
            let response = self.client.send(&Self::stream_step(first, None, Some(1))).await?;
            let id = response.id.ok_or_else(|| Error::own("the service gave the stream no id"))?;
            let reference = ConversationReference { activity_id: Some(id.clone()), ..reference };
            Ok(Stream { id, reference, sequence: 1, text: first.text.clone().unwrap_or_default() })
        })
    }

    fn append_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        activity: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        // A number that was sent is used up, whatever came of it.
        stream.sequence += 1;
        Box::pin(async move {
            let step = activity.clone().to(&stream.reference);
            self.client.send(&Self::stream_step(&step, Some(&stream.id), Some(stream.sequence))).await?;
            stream.text = activity.text.clone().unwrap_or_default();
            Ok(())
        })
    }

    fn finish_stream<'a>(
        &'a self,
        stream: &'a mut Stream,
        last: &'a Activity,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let step = last.clone().to(&stream.reference);
            self.client.send(&Self::stream_step(&step, Some(&stream.id), None)).await?;
            stream.text = last.text.clone().unwrap_or_default();
            Ok(())
        })
    }

    fn path(&self) -> Option<&str> {
        Some(&self.path)
    }

    fn receive(self: Arc<Self>, bot: Bot, request: Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> {
        Box::pin(async move {
            let activity = match self.authenticate(&request).await {
                Ok(activity) => activity,
                Err(Untrusted { status, words }) => {
                    tracing::warn!(status = status.as_u16(), words, "a call to the bot was refused");
                    return plain(status, words);
                }
            };
            // The turn is the bot's own: it goes on when the connection of this request breaks.
            let (ended, outcome) = tokio::sync::oneshot::channel();
            let adapter: Arc<dyn Adapter> = self;
            let turns = bot.clone();
            let taken_on = bot.tasks().spawn(async move {
                let outcome = turns.process(adapter, activity).await;
                // Nobody may wait for it any more.
                let _ = ended.send(outcome);
            });
            match outcome.await {
                Ok(outcome) => answer(outcome),
                Err(_) if taken_on => plain(StatusCode::INTERNAL_SERVER_ERROR, "The bot failed."),
                Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "The bot is shut down."),
            }
        })
    }
}
