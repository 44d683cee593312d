//! What may wait for Redis, and what becomes of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fanfare_cluster_proto::outgoing::{Loss, Outgoing, OutgoingConfig, OutgoingCounts, Publication, Standing};

#[test]
fn what_a_turn_collected_is_one_pipeline() {
    let now = Instant::now();
    let mut outgoing = up(OutgoingConfig::default());
    assert_eq!(outgoing.take(now), None);
    for number in 0..3 {
        assert_eq!(outgoing.push(message(number, 10), now), Standing::Sent);
    }
    let pipeline = outgoing.take(now).unwrap();
    assert_eq!(numbers(&pipeline.publications), [0, 1, 2]);
    assert_eq!(outgoing.take(now), None);
    outgoing.handle_published(pipeline.number, 1);
    outgoing.handle_published(pipeline.number, 0);
    assert_eq!(outgoing.counts(), OutgoingCounts { accepted: 3, published: 2, lost: [0, 0, 0, 0, 1], ..none() });
    assert_eq!((outgoing.bytes(), outgoing.poll_timeout()), (0, None));
}

#[test]
fn short_outage_loses_nothing_and_a_long_one_leaves_no_flood() {
    let start = Instant::now();
    let mut outgoing = Outgoing::new(OutgoingConfig::default());
    for tenth in 0..35 {
        let now = start + Duration::from_millis(100) * tenth;
        assert_eq!(outgoing.push(message(tenth as usize, 10), now), Standing::Waiting);
        if outgoing.poll_timeout().is_some_and(|at| at <= now) {
            assert!(!outgoing.handle_timeout(now));
        }
    }
    outgoing.handle_up();
    let pipeline = outgoing.take(start + Duration::from_millis(3_450)).unwrap();
    assert_eq!(numbers(&pipeline.publications), (15..35).collect::<Vec<_>>(), "of the last two seconds, in order");
    assert_eq!(lost(&outgoing, Loss::NotJoined), 15);
}

#[test]
fn without_grace_nothing_waits_for_a_link_that_is_down() {
    let now = Instant::now();
    let mut outgoing = Outgoing::new(OutgoingConfig { age_max: Duration::ZERO, ..OutgoingConfig::default() });
    assert_eq!(outgoing.push(message(0, 10), now), Standing::Lost(Loss::NotJoined));
    outgoing.handle_up();
    assert_eq!(outgoing.push(message(1, 10), now), Standing::Sent);
    assert_eq!(numbers(&outgoing.take(now + Duration::from_millis(1)).unwrap().publications), [1]);
}

#[test]
fn what_was_in_flight_is_never_sent_again() {
    let now = Instant::now();
    let mut outgoing = up(OutgoingConfig::default());
    outgoing.push(message(0, 10), now);
    let dead = outgoing.take(now).unwrap();
    outgoing.push(message(1, 10), now);
    outgoing.handle_down();
    outgoing.handle_published(dead.number, 0);
    outgoing.handle_up();
    assert_eq!(numbers(&outgoing.take(now).unwrap().publications), [1]);
    assert_eq!((lost(&outgoing, Loss::Unknown), outgoing.counts().published), (1, 0));
}

#[test]
fn flood_is_bounded_and_the_new_is_what_goes() {
    let now = Instant::now();
    let mut outgoing = up(OutgoingConfig { pipelines_max: 1, ..OutgoingConfig::default() });
    // 40 MB in 2 s, and Redis says nothing.
    let mut accepted = Vec::new();
    for number in 0..4_000 {
        match outgoing.push(message(number, 10_000), now) {
            Standing::Lost(loss) => assert_eq!(loss, Loss::TooMuch),
            Standing::Sent | Standing::Waiting => accepted.push(number),
        }
        assert!(outgoing.bytes() <= 8 << 20);
    }
    assert_eq!(lost(&outgoing, Loss::TooMuch) as usize, 4_000 - accepted.len());
    let mut sent = Vec::new();
    while let Some(pipeline) = outgoing.take(now) {
        let bytes: usize = pipeline.publications.iter().map(Publication::bytes).sum();
        assert!(bytes <= 256 << 10);
        sent.extend(numbers(&pipeline.publications));
        assert_eq!(outgoing.take(now), None, "one at a time");
        outgoing.handle_published(pipeline.number, 0);
    }
    assert_eq!(sent, accepted);
}

#[test]
fn paused_redis_makes_wait_and_then_drop() {
    let start = Instant::now();
    let mut outgoing = up(OutgoingConfig { pipelines_max: 1, ..OutgoingConfig::default() });
    outgoing.push(message(0, 10), start);
    let paused = outgoing.take(start).unwrap();
    assert_eq!(outgoing.push(message(1, 10), start), Standing::Waiting);
    let late = start + Duration::from_secs(2);
    assert_eq!(outgoing.poll_timeout(), Some(late));
    assert!(!outgoing.handle_timeout(late));
    assert_eq!(lost(&outgoing, Loss::TooOld), 1);
    assert_eq!(outgoing.push(message(2, 10), late), Standing::Waiting);
    outgoing.handle_published(paused.number, 0);
    assert_eq!(numbers(&outgoing.take(late).unwrap().publications), [2]);
}

#[test]
fn reply_that_does_not_come_is_the_end_of_the_connection() {
    let start = Instant::now();
    let mut outgoing = up(OutgoingConfig::default());
    outgoing.push(message(0, 10), start);
    outgoing.take(start).unwrap();
    let end = start + OutgoingConfig::default().reply_timeout;
    assert_eq!(outgoing.poll_timeout(), Some(end));
    assert!(!outgoing.handle_timeout(end - Duration::from_nanos(1)));
    assert!(outgoing.handle_timeout(end));
    assert_eq!(lost(&outgoing, Loss::Unknown), 1);
    assert_eq!(outgoing.push(message(1, 10), end), Standing::Waiting);
}

#[test]
fn heartbeat_goes_behind_what_it_counts_or_not_at_all() {
    let now = Instant::now();
    let mut outgoing = up(OutgoingConfig { pipelines_max: 2, pipeline_bytes_max: 1, ..OutgoingConfig::default() });
    outgoing.push(message(0, 10), now);
    let taken = outgoing.take(now);
    let pipeline = outgoing.append(taken, message(9, 10), now).unwrap();
    assert_eq!(numbers(&pipeline.publications), [0, 9]);
    let alone = outgoing.append(None, message(9, 10), now).unwrap();
    assert_eq!(numbers(&alone.publications), [9]);
    assert_eq!(outgoing.append(None, message(9, 10), now), None, "there is no room");
    outgoing.handle_published(pipeline.number, 0);
    outgoing.handle_published(alone.number, 0);
    assert_eq!((outgoing.bytes(), outgoing.counts().published), (0, 3));
}

fn up(config: OutgoingConfig) -> Outgoing {
    let mut outgoing = Outgoing::new(config);
    outgoing.handle_up();
    outgoing
}

fn message(number: usize, size: usize) -> Publication {
    let mut body = number.to_le_bytes().to_vec();
    body.resize(size.max(8), 0);
    Publication::new(false, Bytes::from_static(b"socket.io#/#"), body)
}

fn numbers(publications: &[Publication]) -> Vec<usize> {
    publications
        .iter()
        .map(|message| usize::from_le_bytes(*message.body.first_chunk().expect("a number comes first")))
        .collect()
}

fn lost(outgoing: &Outgoing, loss: Loss) -> u64 {
    outgoing.counts().lost[loss as usize]
}

fn none() -> OutgoingCounts {
    OutgoingCounts::default()
}
