//! What a program says to a handshake.

use std::time::Duration;

use socketio::Verdict;

use crate::app::{building, listening, quick};
use crate::client::{Client, PATH};
use crate::support::Http;

#[tokio::test]
async fn a_program_decides_about_handshakes_before_there_is_a_session() {
    let (builder, _told, _) = building(quick());
    let builder = builder.on_handshake(|handshake| match handshake.headers.get("x-say").map(|say| say.as_bytes()) {
        Some(b"forbid") => Verdict::forbid("not you"),
        Some(b"later") => Verdict::pending(async {
            tokio::task::yield_now().await;
            Verdict::unavailable(Duration::from_secs(7))
        }),
        Some(b"panic") => panic!("as asked"),
        Some(b"panic later") => Verdict::pending(async { panic!("as asked") }),
        _ => Verdict::accept(),
    });
    let server = builder.build();
    let address = listening(&server).await;
    let target = format!("{PATH}?EIO=4&transport=polling");
    for (say, status, retry_after) in [
        ("forbid", 403, None),
        ("later", 503, Some("7")),
        ("panic", 503, Some("5")),
        ("panic later", 503, Some("5")),
        ("yes", 200, None),
    ] {
        let answer = Http::connect(address).await.request("GET", &target, &[("x-say", say)], b"").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry_after), "{say}");
    }
    assert_eq!(server.connection_count(), 1);
    Client::join(address).await.0.has_got_nothing().await;
}
