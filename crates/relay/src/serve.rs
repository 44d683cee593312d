//! From the configuration to a running relay, and its end.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use socketio::engineio::{HttpConfig, serve_with};
use socketio::{ClientBundle, Failure, Server};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::listen::{listen, loopback_ports};
use crate::logging;
use crate::relay::{Counts, Relaying};
use crate::settings;
use crate::site::Site;
use crate::{EXIT_BAD_CONFIG, EXIT_FAILED};

/// Runs the relay until it is told to stop.
pub(crate) fn serve(config: Config) -> ExitCode {
    logging::start(&config.log);
    let available = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = config.worker_threads.unwrap_or(available);
    let outcome = runtime(workers).and_then(|runtime| {
        let outcome = runtime.block_on(run(config, workers));
        // What did not end by its deadline is not waited for.
        runtime.shutdown_background();
        outcome
    });
    let (status, message) = last_words(outcome);
    if let Some(message) = message {
        eprintln!("fanfare: {message}");
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
async fn run(config: Config, workers: NonZeroUsize) -> Result<End, String> {
    let stopped = stop_signal()?;
    let listeners = listen(&config)?;
    let deadline = config.shutdown_deadline;
    let counts = Arc::new(Counts::default());
    let mut server_config = settings::server_config(&config, workers);
    server_config.engine.origin.loopback_ports = loopback_ports(&listeners);
    let http = settings::http_config(&config);
    let server = server(config, server_config, &counts)?;
    let site = Arc::new(Site { server: server.clone() });

    let (serving, stopping) = watch::channel(());
    let mut accepting = start(listeners, &http, &site, &stopping)?;
    let end = end(stopped, server.failed()).await;

    tracing::info!(connections = server.connection_count(), "stopping");
    drop(serving);
    server.close();
    let ended = tokio::time::timeout(deadline, async {
        server.drained().await;
        while accepting.join_next().await.is_some() {}
    });
    let is_clean = ended.await.is_ok();
    log_end(&server, &counts, is_clean, deadline);
    Ok(end)
}

fn server(config: Config, server_config: socketio::ServerConfig, counts: &Arc<Counts>) -> Result<Server, String> {
    let mut builder = Server::builder(server_config);
    if let Some(folder) = &config.client_dir {
        builder = builder.client_bundle(ClientBundle::read(folder).map_err(|error| error.to_string())?);
    }
    for (name, rules) in config.namespaces {
        let relaying = Relaying { rules: Arc::new(rules), counts: Arc::clone(counts) };
        builder = builder.namespace(name.as_str(), relaying).map_err(|error| format!("namespace {name}: {error}"))?;
    }
    Ok(builder.build())
}

/// Accepts on every listener, and says so in a line a script can read.
fn start(
    listeners: Vec<TcpListener>,
    http: &HttpConfig,
    site: &Arc<Site>,
    stopping: &watch::Receiver<()>,
) -> Result<JoinSet<()>, String> {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        println!("listening on http://{address}");
        let site = Arc::clone(site);
        let service = move |request| site.answer(request);
        let mut stopping = stopping.clone();
        accepting.spawn(serve_with(listener, http.clone(), service, async move {
            // Nothing is ever sent: it ends when the sender is dropped.
            let _ = stopping.changed().await;
        }));
    }
    Ok(accepting)
}

/// Ready when the process is asked to end. From the call on, a signal does not kill it.
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    let wanted = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
    let (mut terminate, mut interrupt) = (wanted(SignalKind::terminate())?, wanted(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn log_end(server: &Server, counts: &Counts, is_clean: bool, deadline: Duration) {
    if !is_clean {
        tracing::warn!(connections = server.connection_count(), ?deadline, "the deadline has passed: leaving the rest");
    }
    tracing::info!(
        relayed = counts.relayed.load(Ordering::Relaxed),
        refused = counts.refused.load(Ordering::Relaxed),
        closed = ?server.close_counts(),
        requests_refused = ?server.refusal_counts(),
        "stopped"
    );
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
