//! The TLS listener: HTTP/1.1 with a certificate that is given, or with one that an authority of the server's own signs.

use std::fs::Permissions;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tracing::{info, warn};

use crate::error::ServeError;
use crate::private_file::write_private;
use redraft_connector::metadata::LOGIN_HOSTS;
use redraft_service::mint;

/// How often the certificate is made or read anew.
const RENEW_PAUSE: Duration = Duration::from_secs(24 * 3600);
/// How long a certificate of the own authority is valid.
const CERTIFICATE_SECONDS: u64 = 90 * 24 * 3600;
/// How long the authority itself is. Who wants a new one removes its two files.
const AUTHORITY_SECONDS: u64 = 10 * 365 * 24 * 3600;
/// Clocks of clients may be behind by as much.
const SECONDS_BACK: u64 = 24 * 3600;

/// The authority's certificate, for bots to trust.
const AUTHORITY_FILE: &str = "ca.pem";
/// The authority's key.
const AUTHORITY_KEY_FILE: &str = "ca-key.pem";

/// Where certificates come from.
enum Source {
    /// A chain and its key in PEM. They are read anew every day.
    Files(PathBuf, PathBuf),
    /// The own authority signs one for these names every day.
    Own(Box<Own>, Vec<String>),
}

/// The server's own authority.
struct Own {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate in PEM.
    certificate: String,
}

/// What TLS is spoken with. Clones share the certificate.
#[derive(Clone)]
pub(crate) struct Tls {
    source: Arc<Source>,
    current: Arc<Current>,
    /// The own authority's certificate; in the temporary folder if data is in memory only.
    pub authority_file: Option<PathBuf>,
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// With a chain and its key in PEM.
    ///
    /// # Errors
    /// When they cannot be read or do not belong together.
    pub fn with_files(certificate: PathBuf, key: PathBuf) -> Result<Self, ServeError> {
        Self::with(Source::Files(certificate, key), None)
    }

    /// With the authority of this data folder, which is made if there is none. Without a folder the authority's key
    /// stays in memory, and its certificate is in the temporary folder as long as the server runs.
    ///
    /// # Errors
    /// When its files cannot be read or written, or a name is not valid in a certificate.
    pub fn with_own(data: Option<&Path>, names: Vec<String>) -> Result<Self, ServeError> {
        let (own, file) = match data {
            Some(folder) => (Own::kept(folder)?, folder.join(AUTHORITY_FILE)),
            None => {
                let own = Own::made()?;
                let file = std::env::temp_dir().join(format!("redraft-ca-{}.pem", mint::secret()));
                own.show(&file)?;
                (own, file)
            }
        };
        Self::with(Source::Own(Box::new(own), names), Some(file))
    }

    fn with(source: Source, authority_file: Option<PathBuf>) -> Result<Self, ServeError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(source.load()?))));
        Ok(Self { source: Arc::new(source), current, authority_file })
    }

    /// Shakes hands with the certificate that is current then.
    ///
    /// # Errors
    /// When the protocol cannot be set up.
    pub fn acceptor(&self) -> Result<TlsAcceptor, ServeError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|failed| ServeError::Tls(failed.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Makes or reads the certificate anew, for the handshakes that follow. One that cannot be used leaves the present one.
    pub async fn renew(&self) {
        let source = Arc::clone(&self.source);
        let loaded = tokio::task::spawn_blocking(move || source.load()).await;
        let failed: Box<dyn std::error::Error + Send + Sync> = match loaded {
            Ok(Ok(key)) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                info!("the TLS certificate is renewed");
                return;
            }
            Ok(Err(failed)) => failed.into(),
            Err(failed) => failed.into(),
        };
        warn!(error = %failed, "the TLS certificate stays as it was");
    }

    /// Renews it daily, since certificates end before servers do.
    pub async fn renew_daily(self) {
        loop {
            tokio::time::sleep(RENEW_PAUSE).await;
            self.renew().await;
        }
    }
}

impl Source {
    fn load(&self) -> Result<CertifiedKey, ServeError> {
        let unusable = |file: &Path, why: &dyn std::fmt::Display| {
            ServeError::Tls(format!("{} cannot be used: {why}", file.display()))
        };
        match self {
            Self::Files(certificate, key) => {
                let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect)
                    .map_err(|failed| unusable(certificate, &failed))?;
                let private = PrivateKeyDer::from_pem_file(key).map_err(|failed| unusable(key, &failed))?;
                CertifiedKey::from_der(chain, private, &default_provider())
                    .map_err(|failed| unusable(certificate, &failed))
            }
            Self::Own(own, names) => own.sign(names).map_err(|failed| ServeError::Tls(failed.to_string())),
        }
    }
}

impl Own {
    fn made() -> Result<Self, ServeError> {
        let key = KeyPair::generate().map_err(|failed| ServeError::Tls(failed.to_string()))?;
        let parameters = authority(&key);
        let certificate =
            parameters.self_signed(&key).map_err(|failed| ServeError::Tls(failed.to_string()))?.pem();
        Ok(Self { issuer: Issuer::new(parameters, key), certificate })
    }

    /// The folder's authority, made if it is not there as a whole. What signs here is never readable for others.
    fn kept(folder: &Path) -> Result<Self, ServeError> {
        let (file, key_file) = (folder.join(AUTHORITY_FILE), folder.join(AUTHORITY_KEY_FILE));
        if file.exists() && key_file.exists() {
            let read = |path: &Path| {
                std::fs::read_to_string(path)
                    .map_err(|failed| ServeError::File(path.display().to_string(), failed))
            };
            let certificate = read(&file)?;
            let key = KeyPair::from_pem(&read(&key_file)?)
                .map_err(|failed| ServeError::Tls(format!("{}: {failed}", key_file.display())))?;
            return Ok(Self { issuer: Issuer::new(authority(&key), key), certificate });
        }
        let own = Self::made()?;
        write_private(&key_file, own.issuer.key().serialize_pem().as_bytes())?;
        write_private(&file, own.certificate.as_bytes())?;
        Ok(own)
    }

    /// Writes the certificate for everyone to read: a bot may run as another user. (In a data folder only its owner finds
    /// anything; who needs the certificate elsewhere copies it.)
    fn show(&self, file: &Path) -> Result<(), ServeError> {
        write_private(file, self.certificate.as_bytes())?;
        std::fs::set_permissions(file, Permissions::from_mode(0o644))
            .map_err(|failed| ServeError::File(file.display().to_string(), failed))
    }

    fn sign(&self, names: &[String]) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
        let mut parameters = CertificateParams::new(names)?;
        parameters.distinguished_name = named("Redraft");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        last(&mut parameters, CERTIFICATE_SECONDS);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::try_from(key.serialize_der())?;
        Ok(CertifiedKey::from_der(vec![certificate.der().clone()], private, &default_provider())?)
    }
}

/// What the authority's certificate says. Its name is its key's, so that two servers' authorities are never confused.
fn authority(key: &KeyPair) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    let digits = mint::hex(&mint::sha256(key.public_key_raw())[..4]);
    parameters.distinguished_name = named(&format!("Redraft local authority {digits}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last(&mut parameters, AUTHORITY_SECONDS);
    parameters
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn last(parameters: &mut CertificateParams, seconds: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let at = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    parameters.not_before = at(now.saturating_sub(SECONDS_BACK));
    parameters.not_after = at(now + seconds);
}

/// The names that a certificate of the own authority is for: this machine, where the server listens, its public address
/// (all as hosts or IP addresses, without ports), and the login hosts that it stands for.
pub(crate) fn names(listening: IpAddr, public_host: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    names.extend(LOGIN_HOSTS.map(str::to_owned));
    names.extend((!listening.is_unspecified()).then(|| listening.to_string()));
    names.extend(public_host.map(|host| host.trim_matches(['[', ']']).to_ascii_lowercase()));
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("redraft-{name}-{}", mint::secret()));
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    fn shown(tls: &Tls) -> Vec<u8> {
        tls.current.0.read().unwrap().cert[0].to_vec()
    }

    #[test]
    fn an_authority_stays_and_its_certificates_do_not() {
        let folder = folder("authority");
        let names = || names([127, 0, 0, 1].into(), Some("chat.example"));
        let first = Tls::with_own(Some(&folder), names()).unwrap();
        let kept = |file: &str| std::fs::read(folder.join(file)).unwrap();
        let (certificate, key) = (kept(AUTHORITY_FILE), kept(AUTHORITY_KEY_FILE));
        let mode = std::fs::metadata(folder.join(AUTHORITY_KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        let second = Tls::with_own(Some(&folder), names()).unwrap();
        assert_eq!((kept(AUTHORITY_FILE), kept(AUTHORITY_KEY_FILE)), (certificate.clone(), key));
        assert_ne!(shown(&first), shown(&second));
        std::fs::remove_file(folder.join(AUTHORITY_KEY_FILE)).unwrap();
        Tls::with_own(Some(&folder), names()).unwrap();
        assert_ne!(kept(AUTHORITY_FILE), certificate, "one without its key is of no use");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = folder("certificates");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (own, other) = (Own::made().unwrap(), Own::made().unwrap());
        let certificate = write("certificate.pem", &own.certificate);
        let key = write("key.pem", &own.issuer.key().serialize_pem());
        let foreign = write("foreign.pem", &other.issuer.key().serialize_pem());
        let junk = write("junk.pem", "junk");
        let missing = folder.join("missing.pem");
        assert!(Tls::with_files(certificate.clone(), key.clone()).is_ok());
        for (certificate, key, named) in [
            (&certificate, &foreign, "certificate.pem"),
            (&certificate, &junk, "junk.pem"),
            (&certificate, &missing, "missing.pem"),
            (&junk, &key, "junk.pem"),
            (&missing, &key, "missing.pem"),
        ] {
            let failed = Tls::with_files(certificate.clone(), key.clone()).err().unwrap().to_string();
            assert!(failed.contains(named), "{failed}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
