//! TLS: the certificate and its key, and how they are exchanged while clients are connected.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig};
use socketio::engineio::Stream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;

/// Where the pair is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    /// The certificate, and behind it those that lead to one that clients know, in PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, in PEM.
    pub(crate) key: PathBuf,
    /// How often it is looked at.
    pub(crate) reread: Duration,
}

/// What is wrong with a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsProblem {
    /// The setting whose file it is.
    pub(crate) key: &'static str,
    pub(crate) message: String,
}

/// The pair that clients are shown, which can be exchanged. Connections keep what they began with.
pub(crate) struct Certificates {
    config: Mutex<TlsConfig>,
    shown: Arc<Shown>,
    /// What was there at the last look. Locked for as long as somebody looks, so that of two the later one has its way.
    seen: Mutex<Seen>,
    server: Arc<ServerConfig>,
}

/// A pair that was read, and could be shown.
pub(crate) struct NewPair {
    config: TlsConfig,
    files: Files,
    pair: CertifiedKey,
}

impl NewPair {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(config: &TlsConfig) -> Result<Self, TlsProblem> {
        let files = Files::read(config)?;
        let pair = files.pair(config, SystemTime::now())?;
        Ok(Self { config: config.clone(), files, pair })
    }
}

impl Certificates {
    /// Reads the pair.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(config: &TlsConfig) -> Result<Arc<Self>, TlsProblem> {
        let files = Files::read(config)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(files.pair(config, SystemTime::now())?))));
        let wrong = |error: Error| TlsProblem { key: CERTIFICATE, message: format!("cannot be used: {error}") };
        let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A crowd that comes back resumes, which costs no signature; nothing is kept here for it.
        server.ticketer = aws_lc_rs::Ticketer::new().map_err(wrong)?;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Arc::new(Self {
            config: Mutex::new(config.clone()),
            shown,
            seen: Mutex::new(Seen { files, problem: None }),
            server: Arc::new(server),
        }))
    }

    /// Reads the pair anew, and says whether it is another than at the last look. One that is wrong changes nothing; it is
    /// judged anew at each look, since it may only be too early for it.
    ///
    /// # Errors
    /// What is wrong with it, once; then, until something changes, it is not another.
    pub(crate) fn reload(&self, now: SystemTime) -> Result<bool, TlsProblem> {
        let mut seen = self.seen();
        let config = self.config();
        let files = Files::read(&config)?;
        let is_same = seen.files == files;
        if is_same && seen.problem.is_none() {
            return Ok(false);
        }
        match files.pair(&config, now) {
            Ok(pair) => {
                *seen = Seen { files, problem: None };
                self.shown.set(pair);
                Ok(true)
            }
            Err(problem) if is_same && seen.problem.as_ref() == Some(&problem) => Ok(false),
            Err(problem) => {
                *seen = Seen { files, problem: Some(problem.clone()) };
                Err(problem)
            }
        }
    }

    /// Has another pair shown from now on, and looks at its files.
    pub(crate) fn show(&self, NewPair { config, files, pair }: NewPair) {
        let mut seen = self.seen();
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        *seen = Seen { files, problem: None };
        self.shown.set(pair);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config(&self) -> TlsConfig {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the files again and again.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut warned: Option<Instant> = None;
        loop {
            tokio::time::sleep(self.config().reread).await;
            let certificates = Arc::clone(&self);
            // A file system that hangs is not to hold up clients.
            let _ = spawn_blocking(move || certificates.look()).await;
            if self.ends_soon() && warned.is_none_or(|at| at.elapsed() > DAY) {
                tracing::warn!(file = %self.config().certificate.display(), "the certificate ends within a week");
                warned = Some(Instant::now());
            }
        }
    }

    fn look(&self) {
        match self.reload(SystemTime::now()) {
            Ok(false) => {}
            Ok(true) => tracing::info!("new connections are shown the new certificate"),
            Err(problem) => tracing::warn!(%problem, "keeping the old certificate"),
        }
    }

    /// Whether the certificate has a week left, or less.
    pub(crate) fn ends_soon(&self) -> bool {
        let shown = self.shown.get();
        shown.cert.first().is_some_and(|leaf| validity(leaf, SystemTime::now() + 7 * DAY).is_err())
    }

    /// Shows what the two files had when they were looked at last.
    pub(crate) fn with_files(&self, show: impl FnOnce(&[u8], &[u8])) {
        let Seen { files, .. } = &*self.seen();
        show(&files.certificate, &files.key);
    }

    /// What puts TLS over a connection.
    pub(crate) fn layer(&self) -> impl Fn(Stream) -> Handshake + Send + Sync + use<> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        move |stream| {
            let handshake = acceptor.accept(stream);
            Box::pin(async { Ok(Stream::cut_off_by(handshake.await?, |stream| stream.get_ref().0.cut_off())) })
        }
    }
}

type Handshake = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// The pair that the next handshake shows.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, pair: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

/// Without the key.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

/// What was there at a look.
struct Seen {
    files: Files,
    /// What is wrong with it: then it is not shown.
    problem: Option<TlsProblem>,
}

/// What the two files have.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(config: &TlsConfig) -> Result<Self, TlsProblem> {
        let read = |key, path: &Path| {
            fs::read(path).map_err(|error| problem(key, path, format_args!("cannot be read ({error})")))
        };
        Ok(Self { certificate: read(CERTIFICATE, &config.certificate)?, key: read(KEY, &config.key)? })
    }

    /// The pair, if it is one that clients could be shown.
    fn pair(&self, config: &TlsConfig, now: SystemTime) -> Result<CertifiedKey, TlsProblem> {
        let of_certificate = |what: fmt::Arguments<'_>| problem(CERTIFICATE, &config.certificate, what);
        let of_key = |what: fmt::Arguments<'_>| problem(KEY, &config.key, what);
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| of_certificate(format_args!("is no PEM ({error})")))?;
        let Some(leaf) = chain.first() else {
            return Err(of_certificate(format_args!("has no certificate in PEM")));
        };
        let what = |what: &str| of_certificate(format_args!("{what}"));
        validity(leaf, now).map_err(|wrong| what(&wrong))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            pem::Error::NoItemsFound => of_key(format_args!("has no private key in PEM, without a passphrase")),
            error => of_key(format_args!("is no PEM ({error})")),
        })?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                of_key(format_args!("is not the key of the first certificate in {}", config.certificate.display()))
            }
            error => of_key(format_args!("is no key that could be used ({error})")),
        })
    }
}

/// Says why clients would not take a certificate at that time.
fn validity(certificate: &CertificateDer<'_>, at: SystemTime) -> Result<(), String> {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| format!("is no certificate ({error})"))?;
    let at = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    // Nobody is trusted here, so it always fails; but the certificate's own time is looked at first.
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], at, &[]) {
        Err(Error::InvalidCertificate(Expired | ExpiredContext { .. })) => Err("has expired".to_owned()),
        Err(Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. })) => Err("is not valid yet".to_owned()),
        _ => Ok(()),
    }
}

fn problem(key: &'static str, path: &Path, what: fmt::Arguments<'_>) -> TlsProblem {
    TlsProblem { key, message: format!("{} {what}", path.display()) }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls").join(name)
    }

    fn config(certificate: &str, key: &str) -> TlsConfig {
        TlsConfig { certificate: file(certificate), key: file(key), reread: DAY }
    }

    #[test]
    fn a_pair_is_a_certificate_and_its_key_for_as_long_as_it_is_valid() {
        let year = |year: u64| SystemTime::UNIX_EPOCH + DAY * 365 * (year as u32 - 1970) + DAY * 60;
        for (certificate, key, at, wrong) in [
            ("one.pem", "one.key", 2050, None),
            ("one.pem", "two.key", 2050, Some((KEY, "is not the key of the first certificate in"))),
            ("one.pem", "one.key", 1990, Some((CERTIFICATE, "is not valid yet"))),
            ("one.pem", "one.key", 2101, Some((CERTIFICATE, "has expired"))),
            ("one.key", "one.key", 2050, Some((CERTIFICATE, "has no certificate in PEM"))),
            ("one.pem", "one.pem", 2050, Some((KEY, "has no private key in PEM, without a passphrase"))),
            ("none.pem", "one.key", 2050, Some((CERTIFICATE, "cannot be read"))),
            ("one.pem", "none.key", 2050, Some((KEY, "cannot be read"))),
        ] {
            let config = config(certificate, key);
            let found = Files::read(&config).and_then(|files| files.pair(&config, year(at))).err();
            let is_so = match (&found, wrong) {
                (Some(found), Some((key, message))) => found.key == key && found.message.contains(message),
                (found, wrong) => found.is_none() && wrong.is_none(),
            };
            assert!(is_so, "{certificate} {key} {at}: {found:?}");
        }
    }

    #[test]
    fn another_pair_is_shown_and_a_broken_one_is_not() {
        let folder = std::env::temp_dir().join(format!("fanfare-tls-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = TlsConfig { certificate: folder.join("c.pem"), key: folder.join("k.pem"), reread: DAY };
        let put = |certificate: &str, key: &str| {
            fs::copy(file(certificate), &config.certificate).unwrap();
            fs::copy(file(key), &config.key).unwrap();
        };
        put("one.pem", "one.key");
        let certificates = Certificates::read(&config).unwrap();
        let shown = || certificates.shown.get().cert[0].clone();
        let (one, mut seen) = (shown(), Vec::new());
        assert!(!certificates.ends_soon());
        for (certificate, key) in [("one.pem", "one.key"), ("two.pem", "one.key"), ("two.pem", "two.key")] {
            put(certificate, key);
            let outcome = certificates.reload(SystemTime::now()).map_err(|problem| problem.key);
            seen.push((outcome, shown() == one));
            assert!(matches!(certificates.reload(SystemTime::now()), Ok(false)), "it is said once");
        }
        assert_eq!(seen, [(Ok(false), true), (Err(KEY), true), (Ok(true), false)]);
        // Too early for it, and then it is time.
        put("one.pem", "one.key");
        let early = certificates.reload(SystemTime::UNIX_EPOCH + DAY);
        assert_eq!((early.map_err(|problem| problem.key), shown() == one), (Err(CERTIFICATE), false));
        assert!(matches!(certificates.reload(SystemTime::UNIX_EPOCH + DAY * 2), Ok(false)), "it is said once");
        assert_eq!((certificates.reload(SystemTime::now()), shown() == one), (Ok(true), true));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn other_files_are_shown_and_looked_at_from_then_on() {
        let certificates = Certificates::read(&config("one.pem", "one.key")).unwrap();
        let leaf = || certificates.shown.get().cert[0].clone();
        let one = leaf();
        assert!(NewPair::read(&config("two.pem", "one.key")).is_err());
        assert!(leaf() == one);
        certificates.show(NewPair::read(&config("two.pem", "two.key")).unwrap());
        assert!(leaf() != one);
        assert!(matches!(certificates.reload(SystemTime::now()), Ok(false)), "the new files have what is shown");
    }
}
