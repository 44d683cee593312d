//! What the programs of nodes say to each other: `serverSideEmit`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fanfare_test_support::{eventually, within};
use socketio::{Attachment, Handlers, Nodes, ToArguments};
use tokio::sync::Notify;

use crate::fleet::{ADAPTERS, Fleet};
use crate::node::Node;

fn program() -> Handlers {
    Handlers::new()
        .on_server_side_emit("sum", |_, (a, b): (u32, u32)| a + b)
        .on_server_side_emit("len", async |_, (name, bytes): (String, Attachment)| (bytes.len(), name))
        .on_server_side_emit("boom", |_, ()| -> () { panic!("as asked") })
        .on_server_side_emit("nothing", |_, ()| {})
        .on_server_side_emit("note", |everyone, text: String| everyone.local().emit("noted", text))
}

/// The one answer to what a node's program asks.
async fn asked(by: &Node, name: &str, arguments: impl ToArguments) -> String {
    let io = by.server.of("/").unwrap();
    let (answers, nodes) = within(io.server_side_emit_with_ack(name, arguments, Duration::from_secs(5)).unwrap()).await;
    assert_eq!((answers.len(), nodes), (1, Nodes::new(1, 0)), "{name}");
    answers[0].as_str().to_owned()
}

#[tokio::test]
async fn programs_hear_each_other_and_answer() {
    for adapter in ADAPTERS {
        eprintln!("{adapter:?}");
        let Fleet { redis: _redis, f, g } = Fleet::of(adapter).await;
        g.server.add_namespace("/", program()).unwrap();
        let (mut a, mut b) = (f.client().await, g.client().await);
        assert_eq!(asked(&f, "sum", (1, 2)).await, "3");
        let bytes = Attachment(b"bytes".as_slice().into());
        assert_eq!(asked(&f, "len", ("x", bytes)).await, "5");
        for nothing in ["boom", "nothing"] {
            assert_eq!(asked(&f, nothing, ()).await, "null");
        }
        assert_eq!(g.cluster.status().counts.server_side, 0);
        // As if there were no program.
        assert_eq!(asked(&f, "unknown", ()).await, "null");
        assert_eq!(asked(&f, "sum", "1").await, "null");
        assert_eq!(asked(&g, "sum", (1, 2)).await, "null");
        assert_eq!([&f, &g].map(|node| node.cluster.status().counts.server_side), [1, 2]);

        let io = || f.server.of("/").unwrap();
        for text in ["1", "2", "3"] {
            io().server_side_emit("note", text).unwrap();
        }
        for text in ["1", "2", "3"] {
            assert_eq!(b.hears().await, format!(r#"42["noted","{text}"]"#));
        }
        io().server_side_emit("sum", ("x",)).unwrap();
        eventually("it is counted", || g.cluster.status().counts.server_side == 3).await;
        a.hears_nothing().await;
    }
}

#[tokio::test]
async fn who_leaves_answers_first() {
    let Fleet { redis: _redis, f, g } = Fleet::start().await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (beginning, waiting) = (Arc::clone(&begun), Arc::clone(&go));
    let program = Handlers::new().on_server_side_emit("wait", move |_, ()| {
        beginning.notify_one();
        let go = Arc::clone(&waiting);
        async move { go.notified().await }
    });
    g.server.add_namespace("/", program).unwrap();
    let asking = f.server.of("/").unwrap().server_side_emit_with_ack("wait", (), Duration::from_secs(5)).unwrap();
    within(begun.notified()).await;
    let mut leaving = pin!(g.cluster.leave());
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut leaving).await.is_err());
    go.notify_one();
    within(leaving).await;
    drop(asking);
}
