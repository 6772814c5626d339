use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::adapter::BoxFuture;
use crate::connector::{
    AccessToken, Certificate, ClientSecret, ConnectorSettings, ManagedIdentity, TokenRequest,
};
use crate::error::Error;

/// Takes a second for a token that expires after an hour, and fails on demand.
#[derive(Clone, Default)]
struct Slow {
    asked: Arc<Mutex<Vec<String>>>,
    failing: Arc<std::sync::atomic::AtomicBool>,
    per_tenant: bool,
}

impl Slow {
    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl TokenProvider for Slow {
    fn token<'a>(&'a self, request: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(request.tenant.to_owned());
            let token = format!("{}#{}", request.tenant, self.asked());
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.failing.load(Ordering::SeqCst) {
                return Err(Error::own("the authority is down"));
            }
            Ok(Some(AccessToken::new(token, HOUR)))
        })
    }

    fn account<'a>(&'a self, tenant: &'a str) -> &'a str {
        if self.per_tenant { tenant } else { "" }
    }
}

fn tokens(provider: &Slow) -> Arc<Tokens> {
    Arc::new(Tokens::new(Arc::new(provider.clone()), Cloud::public(), Service::default().http()))
}

async fn secret(tokens: &Tokens, tenant: &str) -> Result<String, Error> {
    tokens.get(tenant).await.map(|token| token.expect("a token").secret().to_owned())
}

/// Lets a renewal that began in the background end.
async fn a_moment() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn many_who_wait_are_one_request() {
    let provider = Slow::default();
    let tokens = tokens(&provider);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move { secret(&tokens, "t").await.unwrap() })
        })
        .collect();
    for token in waiting {
        assert_eq!(token.await.unwrap(), "t#1");
    }
    assert_eq!(provider.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_who_wait_fail_together() {
    let provider = Slow::default();
    provider.failing.store(true, Ordering::SeqCst);
    let tokens = tokens(&provider);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move { secret(&tokens, "t").await.is_err() })
        })
        .collect();
    for failed in waiting {
        assert!(failed.await.unwrap());
    }
    assert_eq!(provider.asked(), 1);
    provider.failing.store(false, Ordering::SeqCst);
    assert_eq!(secret(&tokens, "t").await.unwrap(), "t#2", "the next one asks anew");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_while_the_old_one_serves() {
    let provider = Slow::default();
    let tokens = tokens(&provider);
    secret(&tokens, "t").await.unwrap();
    advance(HOUR - Duration::from_secs(310)).await;
    secret(&tokens, "t").await.unwrap();
    a_moment().await;
    assert_eq!(provider.asked(), 1, "it is good for more than five minutes");

    advance(Duration::from_secs(30)).await;
    let before = tokio::time::Instant::now();
    assert_eq!(secret(&tokens, "t").await.unwrap(), "t#1");
    assert_eq!(secret(&tokens, "t").await.unwrap(), "t#1");
    assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits");
    a_moment().await;
    assert_eq!(secret(&tokens, "t").await.unwrap(), "t#2");
    assert_eq!(provider.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_keeps_the_old_token() {
    let provider = Slow::default();
    let tokens = tokens(&provider);
    secret(&tokens, "t").await.unwrap();
    provider.failing.store(true, Ordering::SeqCst);
    advance(HOUR - Duration::from_secs(200)).await;
    for _ in 0..5 {
        assert_eq!(secret(&tokens, "t").await.unwrap(), "t#1");
        a_moment().await;
    }
    assert_eq!(provider.asked(), 2, "one that failed is left alone for a while");
    advance(Duration::from_secs(60)).await;
    assert_eq!(secret(&tokens, "t").await.unwrap(), "t#1");
    a_moment().await;
    assert_eq!(provider.asked(), 3);
    advance(HOUR).await;
    assert!(secret(&tokens, "t").await.is_err(), "an expired token is not shown");
}

#[tokio::test(start_paused = true)]
async fn tenants_have_tokens_of_their_own_where_the_provider_says_so() {
    let provider = Slow { per_tenant: true, ..Slow::default() };
    let tokens = tokens(&provider);
    for (tenant, token) in [("t", "t#1"), ("u", "u#2"), ("t", "t#1"), ("u", "u#2")] {
        assert_eq!(secret(&tokens, tenant).await.unwrap(), token);
    }
    let one = Slow::default();
    let tokens = self::tokens(&one);
    for tenant in ["t", "u"] {
        assert_eq!(secret(&tokens, tenant).await.unwrap(), "t#1");
    }
    // The tenant comes with what is sent.
    let service = Service::default();
    let client = service.client_with(provider.clone(), Cloud::public());
    for data in [
        json!({"conversation": {"id": "c", "tenantId": "v"}}),
        json!({"conversation": {"id": "c"}, "channelData": {"tenant": {"id": "w"}}}),
    ] {
        let mut activity: crate::Activity = serde_json::from_value(data).unwrap();
        activity.service_url = Some("https://smba.example".into());
        client.send(&activity).await.unwrap();
    }
    let shown: Vec<_> = service.seen().iter().map(|seen| seen.header("authorization").to_owned()).collect();
    assert_eq!(shown, ["Bearer v#3", "Bearer w#4"]);
}

async fn ask(
    provider: impl TokenProvider,
    cloud: Cloud,
    answer: Answer,
) -> (Result<Option<AccessToken>, Error>, Seen) {
    let service = Service::answering([answer]);
    let tokens = Tokens::new(Arc::new(provider), cloud, service.http());
    let token = tokens.get("").await;
    let seen = service.seen();
    assert_eq!(seen.len(), 1);
    (token, seen[0].clone())
}

const ISSUED: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}"#;

#[tokio::test]
async fn a_secret_is_shown_to_the_authority_of_the_cloud() {
    let provider = ClientSecret::new("app", "s&=ü");
    let (token, seen) = ask(provider.clone(), Cloud::public(), reply(200, ISSUED)).await;
    assert_eq!(token.unwrap().unwrap(), AccessToken::new("abc", Duration::from_secs(3599)));
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.url, "https://login.microsoftonline.com/botframework.com/oauth2/v2.0/token");
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fapi.botframework.com%2F.default\
         &client_secret=s%26%3D%C3%BC"
    );
    for (cloud, url) in [
        (Cloud::us_government(), "https://login.microsoftonline.us/t-1/oauth2/v2.0/token"),
        (Cloud::china(), "https://login.partner.microsoftonline.cn/t-1/oauth2/v2.0/token"),
        (Cloud::redraft("http://127.0.0.1:3000/"), "http://127.0.0.1:3000/t-1/oauth2/v2.0/token"),
    ] {
        let (_, seen) = ask(provider.clone().tenant("t-1"), cloud, reply(200, ISSUED)).await;
        assert_eq!(seen.url, url);
    }
}

#[tokio::test]
async fn an_authority_that_says_no_says_why() {
    let no = r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong"}"#;
    let (token, _) = ask(ClientSecret::new("app", "hidden"), Cloud::public(), reply(401, no)).await;
    let error = token.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bot's token was refused: invalid_client (HTTP 401): AADSTS7000215: wrong"
    );
    for answer in ["", "{}", r#"{"access_token":"x"}"#, r#"{"expires_in":1}"#] {
        let (token, _) = ask(ClientSecret::new("app", "hidden"), Cloud::public(), reply(200, answer)).await;
        assert!(matches!(token, Err(Error::Unanswered { .. })), "{answer}");
    }
}

#[tokio::test]
async fn a_managed_identity_asks_its_machine() {
    let identity = ManagedIdentity::user_assigned("app");
    let issued = r#"{"access_token":"abc","expires_on":"99999999999","resource":"x","token_type":"Bearer"}"#;
    let at = identity.clone().at("http://127.0.0.1:3000/msi/token", "word");
    let (token, seen) = ask(at, Cloud::public(), reply(200, issued)).await;
    assert_eq!(token.unwrap().unwrap().secret(), "abc");
    let query = "api-version=2019-08-01&resource=https%3A%2F%2Fapi.botframework.com&client_id=app";
    assert_eq!(seen.url, format!("http://127.0.0.1:3000/msi/token?{query}"));
    assert_eq!((seen.method.as_str(), seen.header("x-identity-header")), ("GET", "word"));

    let (_, seen) = ask(identity, Cloud::public(), reply(200, issued)).await;
    let query = "api-version=2018-02-01&resource=https%3A%2F%2Fapi.botframework.com&client_id=app";
    assert_eq!(seen.url, format!("http://169.254.169.254/metadata/identity/oauth2/token?{query}"));
    assert_eq!(seen.header("metadata"), "true");
}

#[tokio::test]
async fn a_certificate_signs_what_the_app_says_of_itself() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["bot".into()]).unwrap().self_signed(&key).unwrap();
    let provider =
        Certificate::from_pem("app", certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let (_, seen) = ask(provider.tenant("t-1"), Cloud::public(), reply(200, ISSUED)).await;
    let field = |name: &str| {
        let mut fields = seen.body.split('&').filter_map(|field| field.split_once('='));
        fields.find(|(field, _)| *field == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    assert_eq!(
        field("client_assertion_type"),
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    let assertion = field("client_assertion");
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let pair = RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, pair.public().as_ref())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let part =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = signed.split_once('.').unwrap();
    let thumbprint = ring::digest::digest(&ring::digest::SHA256, certificate.der());
    assert_eq!(
        part(header),
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint)})
    );
    let claims = part(claims);
    assert_eq!(claims["aud"], "https://login.microsoftonline.com/t-1/oauth2/v2.0/token");
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["nbf"].as_u64().unwrap(), 600);
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let pem = key.serialize_pem();
    let printed = [
        format!("{:?}", ClientSecret::new("app", "hidden")),
        format!("{:?}", AccessToken::new("hidden", HOUR)),
        format!("{:?}", ManagedIdentity::user_assigned("app").at("http://x", "hidden")),
        format!("{:?}", ConnectorSettings::new("app", ClientSecret::new("app", "hidden"))),
        format!("{:?}", Service::default().client_with(ClientSecret::new("app", "hidden"), Cloud::public())),
        format!("{:?}", Certificate::from_pem("app", b"hidden", pem.as_bytes()).unwrap_err()),
        format!("{:?}", Certificate::from_pem("app", pem.as_bytes(), b"hidden").unwrap_err()),
    ];
    for printed in printed {
        assert!(!printed.contains("hidden") && !printed.contains("PRIVATE"), "{printed}");
    }
}

#[test]
fn settings_by_the_official_names() {
    let read = |variables: &[(&str, &str)]| {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        match ConnectorSettings::from_variables(find) {
            Ok(settings) => format!("{settings:?}"),
            Err(error) => error.to_string(),
        }
    };
    for (variables, part) in [
        (&[][..], "app_id: None"),
        (&[("MicrosoftAppId", "")], "app_id: None"),
        (&[("MicrosoftAppId", "a"), ("MicrosoftAppPassword", "p")], r#"app_id: Some("a")"#),
        (&[("CLIENT_ID", "a"), ("CLIENT_SECRET", "p"), ("TENANT_ID", "t")], r#"app_id: Some("a")"#),
        (&[("MicrosoftAppId", "a")], "MicrosoftAppPassword (or CLIENT_SECRET) is missing."),
        (&[("MicrosoftAppId", "a"), ("MicrosoftAppType", "UserAssignedMSI")], r#"app_id: Some("a")"#),
        (
            &[("MicrosoftAppId", "a"), ("MicrosoftAppPassword", "p"), ("MicrosoftAppType", "SingleTenant")],
            "MicrosoftAppTenantId (or TENANT_ID) is missing.",
        ),
        (&[("MicrosoftAppId", "a"), ("MicrosoftAppType", "Other")], "is not known"),
        (&[("CLOUD", "USGov")], "https://api.botframework.us/.default"),
        (&[("CLOUD", "http://127.0.0.1:3000")], "http://127.0.0.1:3000/v1/.well-known/openidconfiguration"),
        (&[("CLOUD", "Moon")], "is no cloud that is known"),
    ] {
        let settings = read(variables);
        assert!(settings.contains(part), "{variables:?}: {settings}");
    }
}
