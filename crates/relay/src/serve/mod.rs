//! From the configuration to a running relay, and its end.
//!
//! In reading order: [`serve`] itself, [`opening`] (files and sockets), [`building`] (the server), [`controls`] with
//! [`mod@sources`] (where the metrics come from) and [`answering`] (operators and programs), [`leaving`].

mod answering;
mod building;
mod controls;
mod leaving;
mod opening;
mod sources;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use socketio::Failure;
use socketio::engineio::{HttpConfig, serve_with};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::cluster;
use crate::config::{Config, Loaded, Problem};
use crate::descriptors;
use crate::listen::{Listening, loopback_ports};
use crate::log::{self, FilterNow};
use crate::memory;
use crate::notify;
use crate::print::{Stream, print};
use crate::readiness::{Readiness, Unready};
use crate::reload::Reloader;
use crate::signals::{self, Ending, Heard};
use crate::site::Site;
use crate::{EXIT_BAD_CONFIG, EXIT_FAILED};
#[cfg(test)]
pub(crate) use building::first_generation;
use building::{Built, Found};
use controls::Controls;
use leaving::Leaving;
use opening::Opened;

/// Runs the relay until it is told to stop. At a reload, `load` is asked anew.
pub(crate) fn serve(loaded: Loaded, load: impl Fn() -> Result<Loaded, Vec<Problem>> + Send + 'static) -> ExitCode {
    let (status, message) = last_words(log_and_serve(loaded, load));
    if let Some(message) = message {
        print(Stream::Err, &[format!("fanfare: {message}")]);
    }
    ExitCode::from(status)
}

/// The process's status, and what is said on standard error.
fn last_words(outcome: Result<End, String>) -> (u8, Option<String>) {
    match outcome {
        Ok(End::Asked) => (0, None),
        Ok(End::Failed(failure)) => (EXIT_FAILED, Some(format!("{failure}: ending, to be started again"))),
        Err(message) => (EXIT_BAD_CONFIG, Some(message)),
    }
}

/// Why the relay stops serving.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It was told to.
    Asked,
    /// It cannot go on.
    Failed(Failure),
}

/// Waits for the end.
async fn end(stopped: impl Future<Output = ()>, failed: impl Future<Output = Failure>) -> End {
    tokio::select! {
        () = stopped => End::Asked,
        failure = failed => End::Failed(failure),
    }
}

/// # Errors
/// Why it could not start.
fn log_and_serve(
    loaded: Loaded,
    load: impl Fn() -> Result<Loaded, Vec<Problem>> + Send + 'static,
) -> Result<End, String> {
    let config = &loaded.config;
    // What is logged until the end is still written when this is dropped.
    let log = log::start(&config.log)?;
    descriptors::raise(config.server.engine.sessions_max);
    memory::give_back_freed();
    let available = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = config.worker_threads.unwrap_or(available);
    let runtime = runtime(workers)?;
    let outcome = runtime.block_on(run(loaded, load, log.filter(), workers));
    // What did not end by its deadline is not waited for.
    runtime.shutdown_background();
    outcome
}

/// One thread needs no queues shared between threads.
fn runtime(workers: NonZeroUsize) -> Result<Runtime, String> {
    let runtime = match workers.get() {
        1 => Builder::new_current_thread().enable_all().build(),
        workers => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    };
    runtime.map_err(|error| format!("cannot start: {error}"))
}

/// # Errors
/// Why it could not start; then nothing was served.
async fn run(
    loaded: Loaded,
    load: impl Fn() -> Result<Loaded, Vec<Problem>> + Send + 'static,
    filter: FilterNow,
    workers: NonZeroUsize,
) -> Result<End, String> {
    let Heard { mut ending, reload } = signals::listen()?;
    let Opened { bundle, page, certificates, api_certificates, mut for_clients, for_ops, for_api } =
        Opened::by(&loaded.config)?;
    let found = Found { workers, loopback_ports: loopback_ports(&for_clients) };
    let built = Built::of(&loaded.config, (bundle, page), found)?;
    let readiness = Arc::new(Readiness::default());
    if !has_joined(&built, &loaded.config, &readiness, &mut ending).await? {
        return Ok(End::Asked);
    }
    let Built { server, live, cluster, admin, .. } = &built;
    let (server, live, cluster, admin) = (server.clone(), Arc::clone(live), cluster.clone(), Arc::clone(admin));
    let site = Arc::new(Site { server: server.clone(), readiness: Arc::clone(&readiness), admin });
    let http = loaded.config.http.clone();
    let pairs = [certificates, api_certificates];
    let Controls { drain, reloader, answering, lines } =
        Controls::begin(built, &readiness, (for_ops, for_api), (loaded, load), pairs.clone(), filter)?;

    let (serving, stopping) = watch::channel(());
    // Removed when this returns: whoever connects meanwhile is refused as by a socket that is gone.
    let _files: Vec<_> = for_clients.iter_mut().filter_map(Listening::take_file).collect();
    for certificates in pairs.into_iter().flatten() {
        tokio::spawn(certificates.watch());
    }
    // Whoever comes now is kept by the sockets until they are accepted; and who reads the lines may ask at once.
    readiness.set(Unready::Starting, false);
    let accepting = start(for_clients, &http, &site, &stopping, lines);
    notify::ready(&server);
    tokio::spawn(reload_whenever(reload, Arc::clone(&reloader)));
    let stopped = async {
        // An error would be that nobody hears signals any more; that thread lives as long as the process.
        let _ = ending.wait_for(|ending| *ending >= Ending::InOrder).await;
    };
    let failed = async {
        tokio::select! {
            failure = server.failed() => failure,
            failure = cluster::failed(cluster.as_ref()) => {
                // As the server does itself where it is its own.
                server.close();
                failure
            }
        }
    };
    let end = end(stopped, failed).await;
    reloader.end();

    let leaving =
        Leaving { server: &server, drain: &drain, readiness: &readiness, cluster: cluster.as_ref(), live: &live };
    leaving.leave(&end, ending, serving, accepting).await;
    drop(answering);
    Ok(end)
}

/// Whether it is one of the cluster, if there is one, or told to end before that.
///
/// # Errors
/// Why it cannot be.
async fn has_joined(
    built: &Built,
    config: &Config,
    readiness: &Arc<Readiness>,
    ending: &mut watch::Receiver<Ending>,
) -> Result<bool, String> {
    let Some(cluster) = &built.cluster else { return Ok(true) };
    tokio::select! {
        joined = cluster::join(cluster, config.cluster.at_start, readiness) => joined.map(|()| true),
        _ = ending.wait_for(|ending| *ending >= Ending::InOrder) => Ok(false),
    }
}

/// Reads the configuration anew at each signal that asks for it.
async fn reload_whenever(asked: Arc<Notify>, reloader: Arc<Reloader>) {
    loop {
        asked.notified().await;
        let _ = reloader.reload().await; // It says itself how it went.
    }
}

/// Accepts on every listener, and says so in a line a script can read.
fn start(
    all: Vec<Listening>,
    http: &HttpConfig,
    site: &Arc<Site>,
    stopping: &watch::Receiver<()>,
    mut lines: Vec<String>,
) -> JoinSet<()> {
    let mut accepting = JoinSet::new();
    for Listening { listener, url, .. } in all {
        lines.push(format!("listening on {url}"));
        let site = Arc::clone(site);
        let service = move |request| site.answer(request);
        let mut stopping = stopping.clone();
        accepting.spawn(serve_with(listener, http.clone(), service, async move {
            // Nothing is ever sent: it ends when the sender is dropped.
            let _ = stopping.changed().await;
        }));
    }
    print(Stream::Out, &lines);
    accepting
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn it_ends_when_it_is_told_to_and_when_it_cannot_go_on() {
        assert_eq!(last_words(Ok(end(ready(()), pending()).await)), (0, None));
        let end = end(pending(), ready(Failure::new("delivers events"))).await;
        let message = "the task that delivers events has failed: ending, to be started again";
        assert_eq!(last_words(Ok(end)), (70, Some(message.to_owned())));
        assert_eq!(last_words(Err("no".into())), (2, Some("no".to_owned())));
    }
}
