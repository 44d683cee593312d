//! A connection to one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, Value};
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::address::{Access, Endpoint};
use super::stream;

/// A connection that is ready for commands. Dropped, it is closed.
pub(crate) struct Server {
    pub(super) commands: MultiplexedConnection,
    pub(super) life: Life,
}

/// Whether a connection is still there.
#[derive(Clone)]
pub(super) struct Life {
    reader: AbortHandle,
    is_over: Arc<AtomicBool>,
    ended: Ended,
    heard: Arc<LastHeard>,
}

/// When something was last heard that nobody asked for.
struct LastHeard {
    since: Instant,
    /// In microseconds since then.
    at: AtomicU64,
}

/// Called, perhaps often, when one of the connections has ended.
pub(crate) type Ended = Arc<dyn Fn() + Send + Sync>;

/// What is done with what a server says unasked, in the task that reads: nothing in it waits.
pub(crate) type Hear = Box<dyn Fn(PushInfo) + Send + Sync>;

impl Server {
    /// Connects to it. `ended` is called when the connection ends by itself.
    pub(super) async fn connect(
        endpoint: &Endpoint,
        tls: Option<&TlsConnector>,
        hear: Option<Hear>,
        ended: Ended,
    ) -> Result<Self, String> {
        let failed = |error: String| format!("{endpoint}: {error}");
        let stream = stream::connect(endpoint, tls).await.map_err(|error| failed(error.to_string()))?;
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(REQUESTS_MAX);
        let heard = Arc::new(LastHeard::new());
        if let Some(hear) = hear {
            let heard = Arc::clone(&heard);
            config = config.set_push_sender(move |push| {
                heard.note();
                hear(push);
                Ok::<(), ()>(())
            });
        }
        let (commands, reading) = MultiplexedConnection::new_with_config(&settings(&endpoint.access), stream, config)
            .await
            .map_err(|error| failed(words(&error)))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (is_over_now, ended_now) = (Arc::clone(&is_over), Arc::clone(&ended));
        let reader = tokio::spawn(async move {
            reading.await;
            is_over_now.store(true, Ordering::Release);
            ended_now();
        });
        Ok(Self { commands, life: Life { reader: reader.abort_handle(), is_over, ended, heard } })
    }

    /// Connects to it for one question.
    pub(super) async fn connect_to_ask(endpoint: &Endpoint, tls: Option<&TlsConnector>) -> Result<Self, String> {
        Self::connect(endpoint, tls, None, Arc::new(|| {})).await
    }

    /// Sends a command and waits for what it says.
    pub(super) async fn ask(&self, command: Cmd) -> Result<Value, String> {
        match self.commands.clone().send_packed_command(&command).await {
            Ok(Value::ServerError(error)) => Err(words(&error.into())),
            Ok(value) => Ok(value),
            Err(error) => Err(words(&error)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.life.reader.abort();
    }
}

impl Life {
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// When something last came unasked, or when it was connected to.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard.since + Duration::from_micros(self.heard.at.load(Ordering::Relaxed))
    }

    /// Nothing comes any more, and nobody says so. What waits for a reply is told.
    pub(super) fn give_up(&self) {
        if !self.is_over.swap(true, Ordering::AcqRel) {
            self.reader.abort();
            (self.ended)();
        }
    }
}

impl LastHeard {
    fn new() -> Self {
        Self { since: Instant::now(), at: AtomicU64::new(0) }
    }

    fn note(&self) {
        let at = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.at.store(at, Ordering::Relaxed);
    }
}

fn settings(access: &Access) -> RedisConnectionInfo {
    let mut settings = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_lib_name("fanfare", env!("CARGO_PKG_VERSION"));
    if let Some(user) = &access.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &access.password {
        settings = settings.set_password(password);
    }
    settings
}

/// An error in the server's own words, where they are its.
pub(super) fn words(error: &RedisError) -> String {
    match (error.kind(), error.code(), error.detail()) {
        (ErrorKind::RESP3NotSupported, ..) => NO_RESP3.to_owned(),
        (_, _, Some(detail)) if detail.starts_with("unknown command") && detail.contains("HELLO") => {
            NO_RESP3.to_owned()
        }
        (_, Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

const NO_RESP3: &str = "it does not speak RESP3: Redis 6 or newer is needed";

/// More than can be under way: commands on subscriptions, pipelines, PINGs, and a count for each question.
const REQUESTS_MAX: usize = 4096;
