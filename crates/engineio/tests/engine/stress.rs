//! Senders on threads of their own, as lanes are, beside the sessions' tasks: nothing is lost, doubled or out of order.

use std::sync::Arc;
use std::thread;

use engineio::Link;
use engineio::proto::{Delivery, Encoded, Queued, Recipient};

use crate::app::{quick, served, served_narrowly};
use crate::support::{Dice, packets, send, text};

const COUNT: u64 = 5_000;

/// Sends the numbers below [`COUNT`] in every way there is, with pauses of all lengths.
fn send_numbers(link: &Link, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut numbers = 0..COUNT;
    while !numbers.is_empty() {
        match dice.below(3) {
            0 => numbers.next().into_iter().for_each(|number| {
                link.send(&Encoded::text(&number.to_string()), Delivery::Reliable);
            }),
            1 => {
                let mut is_fresh = false;
                for number in numbers.by_ref().take(dice.below(4) as usize) {
                    is_fresh |= link.queue(&Encoded::text(&number.to_string()), Delivery::Reliable) == Queued::Fresh;
                }
                thread::yield_now();
                if is_fresh {
                    link.flush();
                }
            }
            _ => {
                link.send(&Encoded::text("volatile"), Delivery::Volatile);
            }
        }
        (0..dice.below(2_000)).for_each(|_| std::hint::spin_loop());
    }
}

/// Notices what is not the next number.
#[derive(Default)]
struct Reader {
    next: u64,
}

impl Reader {
    fn read(&mut self, payload: &str) {
        for packet in packets(payload) {
            if !["4volatile", "4echo", "2", "6"].contains(&packet) {
                assert_eq!(packet, format!("4{}", self.next));
                self.next += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn pollers_read_what_other_threads_send() {
    let mut server = served(quick()).await;
    let mut readers = Vec::new();
    for seed in 0..4 {
        let mut poller = server.poller().await;
        let link = server.opened().await;
        let sender = thread::spawn(move || send_numbers(&link, seed));
        readers.push(tokio::spawn(async move {
            let (mut reader, mut dice) = (Reader::default(), Dice::new(seed));
            while reader.next < COUNT {
                if dice.below(20) == 0 {
                    // Before, while, or after its poll is answered by the sender.
                    poller.begin_poll().await;
                    assert_eq!(poller.post("4echo").await.status, 200);
                    reader.read(poller.polls.answer().await.text());
                    // That may have been the last number, behind which nothing comes.
                    continue;
                }
                reader.read(&poller.poll().await);
            }
            sender.join().unwrap();
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_client_reads_on_across_its_upgrade() {
    let mut server = served(quick()).await;
    for seed in 0..20 {
        let mut poller = server.poller().await;
        let link = server.opened().await;
        let sender = thread::spawn(move || send_numbers(&link, seed));
        let mut reader = Reader::default();
        for _ in 0..seed % 5 {
            reader.read(&poller.poll().await);
        }
        let mut ws = crate::support::connect(server.address, &poller.websocket_target()).await;
        send(&mut ws, "2probe").await;
        assert_eq!(text(&mut ws).await, "3probe");
        if seed % 3 == 0 {
            reader.read(&poller.poll().await);
        }
        send(&mut ws, "5").await;
        while reader.next < COUNT {
            reader.read(&text(&mut ws).await);
        }
        sender.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_blocked_connection_stays_whole_for_three_senders() {
    let mut server = served_narrowly(quick()).await;
    let mut ws = server.slow_websocket().await;
    let link = server.opened().await;
    assert!(text(&mut ws).await.starts_with("0{"));
    let senders = [0, 1, 2].map(|seed| {
        let link: Arc<Link> = Arc::clone(&link);
        thread::spawn(move || {
            let mut dice = Dice::new(seed);
            for number in 0..1_000 {
                let padding = "x".repeat(dice.below(3_000) as usize);
                let encoded = Encoded::text(&format!("{seed}.{number}.{padding}"));
                if dice.below(3) == 0 {
                    assert!(link.queue(&encoded, Delivery::Reliable).is_queued());
                    thread::yield_now();
                    link.flush();
                } else {
                    assert!(link.send(&encoded, Delivery::Reliable).is_queued());
                }
            }
        })
    });
    let mut next = [0; 3];
    for _ in 0..3_000 {
        let message = text(&mut ws).await;
        let mut parts = message[1..].split('.').map(|part| part.parse::<usize>());
        let (Some(Ok(sender)), Some(Ok(number))) = (parts.next(), parts.next()) else { panic!("{message}") };
        assert_eq!(number, next[sender]);
        next[sender] += 1;
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}
