//! A server that says whatever a test has it say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What is said to a command.
pub(crate) enum Answer {
    Say(String),
    /// Nothing, now or later.
    Nothing,
    Close,
}

/// Dropped, it takes nobody in any more.
pub(crate) struct Fake {
    pub(crate) address: String,
    counts: Arc<Counts>,
    listening: AbortHandle,
}

#[derive(Default)]
struct Counts {
    taken: AtomicUsize,
    open: AtomicUsize,
}

type Answers = Arc<dyn Fn(&[String]) -> Answer + Send + Sync>;

impl Fake {
    pub(crate) async fn start(answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (answer, counts): (Answers, _) = (Arc::new(answer), Arc::<Counts>::default());
        let of_all = Arc::clone(&counts);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, counts) = (Arc::clone(&answer), Arc::clone(&of_all));
                counts.taken.fetch_add(1, Ordering::SeqCst);
                counts.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    talk(stream, answer).await;
                    counts.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, counts, listening: listening.abort_handle() }
    }

    /// Takes connections, and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::start(|_| Answer::Nothing).await
    }

    /// One that says this where a healthy one would say what is expected.
    pub(crate) async fn saying(command: &'static str, error: &'static str) -> Self {
        Self::start(move |said| match said[0] == command {
            true => Answer::Say(format!("-{error}\r\n")),
            false => healthy(said),
        })
        .await
    }

    /// A sentinel that knows this master.
    pub(crate) async fn sentinel(master: impl Into<String>) -> Self {
        let master = master.into();
        Self::start(move |said| match &*said[0] {
            "SENTINEL" => {
                let (host, port) = master.rsplit_once(':').unwrap();
                Answer::Say(format!("*2\r\n{}{}", bulk(host), bulk(port)))
            }
            "ROLE" => Answer::Say(format!("*2\r\n{}*0\r\n", bulk("sentinel"))),
            _ => healthy(said),
        })
        .await
    }

    /// How many connections there have been, and how many there are.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.counts.taken.load(Ordering::SeqCst), self.counts.open.load(Ordering::SeqCst))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// What a Redis says that has one subscriber.
pub(crate) fn healthy(said: &[String]) -> Answer {
    let confirmed = |name: &str| format!(">3\r\n{}{}:1\r\n", bulk(name), bulk(&said[1]));
    Answer::Say(match &*said[0] {
        "HELLO" => format!("%1\r\n{}:3\r\n", bulk("proto")),
        "SUBSCRIBE" => confirmed("subscribe"),
        "PSUBSCRIBE" => confirmed("psubscribe"),
        "SSUBSCRIBE" => confirmed("ssubscribe"),
        "PUBSUB" => format!("*2\r\n{}:1\r\n", bulk(&said[2])),
        "PUBLISH" | "SPUBLISH" => ":1\r\n".to_owned(),
        _ => "+OK\r\n".to_owned(),
    })
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

async fn talk(stream: TcpStream, answer: Answers) {
    let mut stream = BufReader::new(stream);
    while let Some(command) = command(&mut stream).await {
        match answer(&command) {
            Answer::Say(text) if stream.write_all(text.as_bytes()).await.is_ok() => {}
            Answer::Nothing => {}
            _ => return,
        }
    }
}

async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    for _ in 0..number(stream).await? {
        let mut bytes = vec![0; number(stream).await? + 2];
        stream.read_exact(&mut bytes).await.ok()?;
        bytes.truncate(bytes.len() - 2);
        parts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    Some(parts)
}

/// Of a line `*3` or `$5`.
async fn number(stream: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.trim_end().get(1..)?.parse().ok()
}
