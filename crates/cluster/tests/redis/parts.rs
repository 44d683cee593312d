//! A Redis Cluster of which a part is away.

use std::time::Duration;

use fanfare_cluster::{Adapter, LinkNotice, Mode, Notice};
use fanfare_test_support::within;
use socketio::Nodes;

use crate::masters::Masters;
use crate::node::{Client, Node};

fn is_joined(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Joined { .. }))
}

fn is_lost(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Lost(_)))
}

fn is_partly(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Partly { .. }))
}

fn is_whole(notice: &Notice) -> bool {
    matches!(notice, Notice::Link(LinkNotice::Whole { .. }))
}

/// Until what one node says to a room, or to all, is heard at another. What is lost meanwhile is lost.
async fn reaches(from: &Node, room: Option<&str>, client: &mut Client) {
    let speaking = async {
        for number in 0_u64.. {
            let io = from.server.of("/").unwrap();
            match room {
                Some(room) => io.to(room).emit("try", (number,)).unwrap(),
                None => io.emit("try", (number,)).unwrap(),
            };
            let hearing = async { while client.hears().await != format!(r#"42["try",{number}]"#) {} };
            if tokio::time::timeout(Duration::from_millis(100), hearing).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), speaking).await.expect("it is heard");
}

/// Rooms whose channels are at the same master as that of `/`, and at another one.
async fn rooms(masters: &Masters) -> (usize, String, usize, String) {
    let main = masters.owner("socket.io#/#").await;
    let (mut near, mut far) = (None, None);
    for number in 0..100 {
        let room = format!("room{number}");
        let owner = masters.owner(&format!("socket.io#/#{room}#")).await;
        if owner == main {
            near.get_or_insert(room);
        } else {
            far.get_or_insert((owner, room));
        }
    }
    let (owner, far) = far.unwrap();
    (main, near.unwrap(), owner, far)
}

#[tokio::test]
async fn a_master_that_dies_takes_no_classic_node_along() {
    let mut masters = Masters::start().await;
    let config = masters.config(Adapter::Classic);
    let (f, g) = (Node::joined(config.clone()).await, Node::joined(config.clone()).await);
    let mut client = g.client().await;
    for dead in 0..3 {
        masters.servers[dead].kill();
        reaches(&f, None, &mut client).await;
        let late = Node::joined(config.clone()).await;
        reaches(&late, None, &mut client).await;
        let found = within(async {
            loop {
                let found = f.server.of("/").unwrap().fetch_sockets().await;
                if found.nodes == Nodes::new(2, 0) {
                    return found;
                }
            }
        });
        assert_eq!(found.await.remote.len(), 1, "nobody is waited for who is not there");
        within(late.cluster.leave()).await;
        masters.servers[dead].restart().await;
        masters.are_well().await;
    }
}

#[tokio::test]
async fn a_master_that_dies_takes_its_channels_along_and_brings_them_back() {
    let mut masters = Masters::start().await;
    let (_, near, dead, far) = rooms(&masters).await;
    let config = masters.config(Adapter::Sharded(Mode::Dynamic));
    let (mut f, mut g) = (Node::joined(config.clone()).await, Node::joined(config).await);
    let mut client = g.member(&[&near, &far]).await;
    for room in [None, Some(&*near), Some(&*far)] {
        reaches(&f, room, &mut client).await;
    }
    masters.servers[dead].kill();
    // What the others have comes in order, all of it.
    let io = || f.server.of("/").unwrap();
    for number in 0..300_u64 {
        match number % 2 {
            0 => io().emit("n", (number,)).unwrap(),
            _ => io().to(&*near).emit("n", (number,)).unwrap(),
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for number in 0..300 {
        assert_eq!(client.hears().await, format!(r#"42["n",{number}]"#));
    }
    let said = g.noted(|notice| is_partly(notice) || is_lost(notice)).await;
    assert!(is_partly(&said) && said.to_string().contains("is away"), "{said}");
    io().to(&*far).emit("lost", ()).unwrap();
    let said = f.noted(|notice| matches!(notice, Notice::NotPublished { .. }) || is_lost(notice)).await.to_string();
    assert!(said.contains(&format!("127.0.0.1:{} is away", masters.ports[dead])), "{said}");
    assert!(f.cluster.status().is_up && g.cluster.status().is_up);
    masters.servers[dead].restart().await;
    let said = g.noted(|notice| is_whole(notice) || is_lost(notice)).await;
    assert!(is_whole(&said), "{said}");
    reaches(&f, Some(&far), &mut client).await;
    assert_eq!((f.cluster.status().counts.reconnects, g.cluster.status().counts.reconnects), (0, 0));
}

#[tokio::test]
async fn a_replica_takes_the_place_of_a_master() {
    let mut masters = Masters::start().await;
    let (_, near, dead, far) = rooms(&masters).await;
    let _replica = masters.replica(dead).await;
    let config = masters.config(Adapter::Sharded(Mode::Dynamic));
    let (f, mut g) = (Node::joined(config.clone()).await, Node::joined(config).await);
    let mut client = g.member(&[&near, &far]).await;
    masters.servers[dead].kill();
    g.noted(is_partly).await;
    reaches(&f, Some(&near), &mut client).await;
    reaches(&f, Some(&far), &mut client).await;
    g.noted(|notice| is_joined(notice) || is_whole(notice)).await;
}
