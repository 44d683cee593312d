//! From the configuration to a running relay, and its end.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use policy::Policy;
use socketio::engineio::EngineConfig;
use socketio::{Server, ServerConfig, serve as serve_http};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::EXIT_BAD_CONFIG;
use crate::bundle::Bundle;
use crate::config::Config;
use crate::descriptors;
use crate::listen::listen;
use crate::log;
use crate::memory;
use crate::print::{Stream, print};
use crate::relay::{Counts, Relaying};
use crate::signals::{self, Ending};
use crate::site::Site;

/// Runs the relay until it is told to stop.
pub(crate) fn serve(config: Config) -> ExitCode {
    match log_and_serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            print(Stream::Err, &[format!("fanfare: {message}")]);
            ExitCode::from(EXIT_BAD_CONFIG)
        }
    }
}

/// # Errors
/// Why it could not start.
fn log_and_serve(config: Config) -> Result<(), String> {
    // What is logged until the end is still written when this is dropped.
    let _log = log::start(&config.log)?;
    descriptors::raise(config.server.engine.sessions_max);
    memory::give_back_freed();
    let available = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = config.worker_threads.unwrap_or(available);
    let runtime = runtime(workers)?;
    let outcome = runtime.block_on(run(config, workers));
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
async fn run(config: Config, workers: NonZeroUsize) -> Result<(), String> {
    let mut ending = signals::listen()?;
    let bundle = read_bundle(&config)?;
    let listeners = listen(&config).map_err(|error| error.to_string())?;
    let deadline = config.shutdown_deadline;
    let counts = Arc::new(Counts::default());
    let server_config = ServerConfig { lanes: workers, ..config.server };
    let EngineConfig { path, cors, .. } = server_config.engine.clone();
    let server = server(server_config, &config.policy, &counts)?;
    let site = Arc::new(Site { server: server.clone(), path, bundle, cors });

    let (serving, stopping) = watch::channel(());
    let mut accepting = start(listeners, &site, &stopping)?;
    // An error would be that nobody hears signals any more; that thread lives as long as the process.
    let _ = ending.wait_for(|ending| *ending >= Ending::InOrder).await;

    tracing::info!(connections = server.connection_count(), "stopping");
    drop(serving);
    server.close();
    let all_ended = async {
        server.drained().await;
        while accepting.join_next().await.is_some() {}
    };
    let cut_short = tokio::select! {
        () = all_ended => None,
        () = tokio::time::sleep(deadline) => Some("the deadline has passed"),
        _ = ending.wait_for(|ending| *ending >= Ending::Now) => Some("told again to stop"),
    };
    log_end(&server, &counts, cut_short);
    Ok(())
}

/// # Errors
/// Why the files that are to be served cannot be.
pub(crate) fn read_bundle(config: &Config) -> Result<Option<Bundle>, String> {
    let bundle = config.client_dir.as_deref().map(|folder| {
        Bundle::read(folder).map_err(|error| format!("cannot read the client bundle in {}: {error}", folder.display()))
    });
    bundle.transpose()
}

fn server(config: ServerConfig, policy: &Policy, counts: &Arc<Counts>) -> Result<Server, String> {
    let mut builder = Server::builder(config);
    for (name, rules) in policy.namespaces() {
        let relaying = Relaying { rules: Arc::clone(rules), counts: Arc::clone(counts) };
        builder = builder.namespace(name.as_str(), relaying).map_err(|error| format!("namespace {name}: {error}"))?;
    }
    Ok(builder.build())
}

/// Accepts on every listener, and says so in a line a script can read.
fn start(listeners: Vec<TcpListener>, site: &Arc<Site>, stopping: &watch::Receiver<()>) -> Result<JoinSet<()>, String> {
    let (mut accepting, mut lines) = (JoinSet::new(), Vec::new());
    for listener in listeners {
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        lines.push(format!("listening on http://{address}"));
        let site = Arc::clone(site);
        let service = move |request| site.answer(request);
        let mut stopping = stopping.clone();
        accepting.spawn(serve_http(listener, service, async move {
            // Nothing is ever sent: it ends when the sender is dropped.
            let _ = stopping.changed().await;
        }));
    }
    print(Stream::Out, &lines);
    Ok(accepting)
}

fn log_end(server: &Server, counts: &Counts, cut_short: Option<&str>) {
    if let Some(why) = cut_short {
        tracing::warn!(connections = server.connection_count(), why, "leaving those who are still connected");
    }
    tracing::info!(
        relayed = counts.relayed.load(Ordering::Relaxed),
        refused = counts.refused.load(Ordering::Relaxed),
        closed = counted(&server.close_counts()),
        requests_refused = counted(&server.refusal_counts()),
        "stopped"
    );
}

/// Causes with their numbers: `ping_timeout:3,transport_close:12`; `none` if nothing was counted.
fn counted(counts: &BTreeMap<&'static str, u64>) -> String {
    let counts: Vec<String> = counts.iter().map(|(cause, count)| format!("{cause}:{count}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(",") }
}
