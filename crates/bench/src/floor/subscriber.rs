//! The floor for a node of a cluster: what the `redis` crate takes for a message that nobody wants.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use tokio::runtime::Builder;

use crate::wire::http::{head_bytes, ok_response};

/// Hears what servers of a classic fleet publish for `/` on the Redis at this URL, drops each message as it comes, and answers
/// every request on a port of the loopback interface with how many there were, until the process is killed.
pub(crate) fn run(url: &str) -> io::Result<()> {
    let heard = Arc::new(AtomicU64::new(0));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _connection = subscribe(url, Arc::clone(&heard)).await.map_err(io::Error::other)?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        println!("ops on http://{address}\nlistening on http://{address}");
        thread::spawn(move || answer(&listener, &heard));
        std::future::pending::<io::Result<()>>().await
    })
}

/// As the relay does it: the third protocol, and a function that is called in the task that reads.
async fn subscribe(url: &str, heard: Arc<AtomicU64>) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
    let client = redis::Client::open(format!("{url}?protocol=resp3"))?;
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_push_sender(move |push: PushInfo| {
        if push.kind == PushKind::PMessage {
            heard.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<(), ()>(())
    });
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    connection.psubscribe("socket.io#/#*").await?;
    Ok(connection)
}

fn answer(listener: &TcpListener, heard: &AtomicU64) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut request = Vec::new();
        let mut bytes = [0; 1024];
        while head_bytes(&request).is_none() {
            match stream.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(read) => request.extend_from_slice(bytes.get(..read).unwrap_or_default()),
            }
        }
        let text = format!("{HEARD} {}\n", heard.load(Ordering::Relaxed));
        // Who asked is gone already.
        let _ = stream.write_all(&ok_response(text.as_bytes()));
    }
}

/// As the relay calls it.
const HEARD: &str = "fanfare_cluster_received_total";
