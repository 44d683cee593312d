//! Reloads, one at a time.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::task::JoinSet;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reload_waits_for_another() {
    let (running, most, all) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = [&running, &most, &all].map(Arc::clone);
    let reloader = Reloader::new(move || {
        let [running, most, all] = &counts;
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5)); // Longer than it takes to begin another.
        running.fetch_sub(1, Ordering::SeqCst);
        if all.fetch_add(1, Ordering::SeqCst) % 2 == 0 { Ok(Report::default()) } else { Err(Refused::wrong(["no"])) }
    });
    assert!(reloader.last_reload().succeeded, "it has started");
    let mut asked = JoinSet::new();
    for _ in 0..8 {
        let reloader = Arc::clone(&reloader);
        asked.spawn(async move { reloader.reload().await });
    }
    let outcomes = asked.join_all().await;
    assert_eq!((most.load(Ordering::SeqCst), all.load(Ordering::SeqCst)), (1, 8));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    assert!(!reloader.last_reload().succeeded);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_told_of_and_takes_one_thread_however_many_are_asked_for() {
    let (begun, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Barrier::new(2)));
    let (count, barrier) = (Arc::clone(&begun), Arc::clone(&go_on));
    let reloader = Reloader::new(move || {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            barrier.wait();
        }
        Ok(Report::default())
    });
    let mut asked = JoinSet::new();
    for _ in 0..100 {
        let reloader = Arc::clone(&reloader);
        asked.spawn(async move { reloader.reload().await });
    }
    // While something blocks, the clock of a test stands still.
    while begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(TIME_MAX).await;
    for outcome in asked.join_all().await {
        assert_eq!(outcome.unwrap_err().why, Why::Failed);
    }
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    assert!(!reloader.last_reload().succeeded);
    go_on.wait();
    assert!(reloader.reload().await.is_ok(), "the next is as any other");
    assert_eq!(begun.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_reload_that_nobody_waits_for_is_done_and_one_that_panics_is_refused() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let reloader = Reloader::new(move || match count.fetch_add(1, Ordering::SeqCst) {
        1 => panic!("as asked"),
        _ => Ok(Report::default()),
    });
    let _ = tokio::time::timeout(Duration::ZERO, reloader.reload()).await;
    let refused = reloader.reload().await.unwrap_err();
    assert_eq!((refused.why, reloader.last_reload().succeeded), (Why::Failed, false));
    assert!(reloader.reload().await.is_ok(), "the next is as any other");
    assert_eq!(done.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn nothing_changes_in_a_relay_that_ends() {
    let reloader = Reloader::new(|| Ok(Report::default()));
    assert!(reloader.reload().await.is_ok());
    reloader.end();
    let refused = reloader.reload().await.unwrap_err();
    assert_eq!((refused.why, reloader.last_reload().succeeded), (Why::Ending, true));
}
