//! The clouds, and whom a bot trusts in each.

/// The addresses of a cloud's authority. Change the fields of a ready-made one for a cloud of your own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cloud {
    /// The endpoint that issues the bot's tokens, without the tenant: `https://login.microsoftonline.com`.
    pub login_endpoint: String,
    /// The tenant from which a bot without a tenant of its own gets tokens.
    pub login_tenant: String,
    /// The scope of the bot's tokens, which ends with `/.default`.
    pub scope: String,
    /// The issuer of the tokens that calls to the bot bring.
    pub issuer: String,
    /// The URL of that issuer's OpenID metadata, which name its keys.
    pub openid_metadata: String,
    /// Whether the service stores idempotency keys, which [`send_once`](crate::Adapter::send_once) relies on. Only Redraft does.
    pub stores_keys: bool,
    /// The hosts of the cloud's services, to which the bot's tokens go over HTTPS. `*.` in front means every host below.
    /// Other services get a token only after a verified activity named them, or if
    /// [`trust_service_url`](crate::ConnectorSettings::trust_service_url) does.
    pub service_hosts: Vec<String>,
}

impl Cloud {
    /// Microsoft's public cloud.
    #[must_use]
    pub fn public() -> Self {
        Self::new(
            "https://login.microsoftonline.com",
            "botframework.com",
            "https://api.botframework.com",
            "https://login.botframework.com",
            &["smba.trafficmanager.net", "smba.infra.gcc.teams.microsoft.com", "*.botframework.com"],
        )
    }

    /// The US government's, GCC High and DoD.
    #[must_use]
    pub fn us_government() -> Self {
        Self::new(
            "https://login.microsoftonline.us",
            "MicrosoftServices.onmicrosoft.us",
            "https://api.botframework.us",
            "https://login.botframework.azure.us",
            &[
                "smba.infra.gov.teams.microsoft.us",
                "smba.infra.dod.teams.microsoft.us",
                "*.botframework.us",
                "*.botframework.azure.us",
            ],
        )
    }

    /// China's.
    #[must_use]
    pub fn china() -> Self {
        Self::new(
            "https://login.partner.microsoftonline.cn",
            "microsoftservices.partner.onmschina.cn",
            "https://api.botframework.azure.cn",
            "https://login.botframework.azure.cn",
            &["*.botframework.azure.cn"],
        )
    }

    /// A Redraft server, by its address: it issues both sides' tokens itself, and is the one service that gets the bot's.
    #[must_use]
    pub fn redraft(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        Self {
            stores_keys: true,
            ..Self::new(url, "botframework.com", "https://api.botframework.com", url, &[])
        }
    }

    /// By the names that the Teams SDKs take in `CLOUD`, or the address of a Redraft server.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "public" => Some(Self::public()),
            "usgov" | "usgovdod" | "https://botframework.azure.us" => Some(Self::us_government()),
            "china" | "https://botframework.azure.cn" => Some(Self::china()),
            url if url.starts_with("http://") || url.starts_with("https://") => Some(Self::redraft(name)),
            _ => None,
        }
    }

    fn new(login: &str, tenant: &str, api: &str, keys: &str, hosts: &[&str]) -> Self {
        Self {
            login_endpoint: login.to_owned(),
            login_tenant: tenant.to_owned(),
            scope: format!("{api}/.default"),
            issuer: api.to_owned(),
            openid_metadata: format!("{keys}/v1/.well-known/openidconfiguration"),
            stores_keys: false,
            service_hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        }
    }
}
