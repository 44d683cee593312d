//! A Redis of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fanfare_test_support::within;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, ToRedisArgs};

/// A Redis on a socket in a directory of its own. Dropped, it is killed.
pub(crate) struct Redis {
    directory: PathBuf,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        Self::with(&["--port", "0"]).await
    }

    /// With these arguments more. `{}` in one stands for its directory.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let redis = Self::prepared(arguments, |_| {});
        redis.begun().await
    }

    /// The same, with a directory that has something in it when it starts.
    pub(crate) fn prepared(arguments: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short: a socket's path has a hundred bytes at most.
        let directory = std::env::temp_dir().join(format!("ff-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        prepare(&directory);
        let shown = directory.display().to_string();
        let arguments = arguments.iter().map(|argument| argument.replace("{}", &shown)).collect();
        Self { directory, arguments, process: None }
    }

    pub(crate) async fn begun(mut self) -> Self {
        self.restart().await;
        self
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn restart(&mut self) {
        self.spawn();
        let mut ready = false;
        for _ in 0..2000 {
            if let Some(mut connection) = self.try_connect().await {
                ready = redis::cmd("PING").query_async::<redis::Value>(&mut connection).await.is_ok();
            }
            if ready {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("redis does not start");
    }

    pub(crate) fn spawn(&mut self) {
        let is_configured = self.arguments.first().is_some_and(|first| !first.starts_with("--"));
        let mut command = Command::new("redis-server");
        command.args(&self.arguments);
        if !is_configured {
            command.args(["--save", "", "--appendonly", "no"]);
        }
        let command = command
            .args(["--unixsocket", self.socket().to_str().unwrap(), "--dir", self.directory.to_str().unwrap()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn().expect("`redis-server` of Debian is needed: tests/setup.sh installs it"));
    }

    /// Kills it, as a machine that is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        let _ = std::fs::remove_file(self.socket());
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("redis")
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) async fn try_connect(&self) -> Option<MultiplexedConnection> {
        let stream = tokio::net::UnixStream::connect(self.socket()).await.ok()?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let settings = redis::RedisConnectionInfo::default();
        let (connection, driver) = MultiplexedConnection::new_with_config(&settings, stream, config).await.ok()?;
        tokio::spawn(driver);
        Some(connection)
    }

    /// Says a command to it, by a connection of its own.
    pub(crate) async fn say<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().unwrap();
        let mut command = redis::cmd(name);
        for argument in arguments {
            command.arg(argument);
        }
        let mut connection = self.try_connect().await.expect("it runs");
        within(command.query_async(&mut connection)).await.unwrap()
    }

    /// Publishes something; how many heard it.
    pub(crate) async fn publish(&self, channel: &str, body: impl ToRedisArgs) -> u64 {
        let mut connection = self.try_connect().await.expect("it runs");
        within(redis::cmd("PUBLISH").arg(channel).arg(body).query_async(&mut connection)).await.unwrap()
    }

    /// How many nodes are counted in `/` of a classic fleet.
    pub(crate) async fn nodes(&self) -> u64 {
        let (_, number): (String, u64) = self.say(&["PUBSUB", "NUMSUB", "socket.io-request#/#"]).await;
        number
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A port that nobody has, for a server that is told its own.
///
/// None that the kernel gives to a connection that goes out: that would take it while its server is being started again, and
/// who connects to it meanwhile could reach itself.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..KERNELS);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The first of those on Linux.
const KERNELS: u16 = 32_768;
