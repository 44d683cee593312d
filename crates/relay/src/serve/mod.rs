//! From the configuration to a running relay, and its end.
//!
//! In reading order: [`serve`] itself, [`building`] (the server), [`mod@sources`] (where the metrics come from), [`leaving`].

mod building;
mod leaving;
mod sources;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use axum::Router;
use socketio::engineio::{HttpConfig, serve_with};
use socketio::{Failure, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::{self, Admin};
use crate::api::{self, Api, Counts, TermsNow};
use crate::bundle::{read_bundle, read_page};
use crate::cluster;
use crate::config::{Address, Held, Loaded, Problem};
use crate::descriptors;
use crate::drain::Drain;
use crate::listen::{Listening, listen, listen_for_api, listen_for_ops, loopback_ports};
use crate::log::{self, FilterNow};
use crate::memory;
use crate::notify;
use crate::ops::{self, TokenNow};
use crate::print::{Stream, print};
use crate::readiness::{Readiness, Unready};
use crate::relay::Live;
use crate::reload::{Parts, Reloader, Replacing};
use crate::signals::{self, Ending, Heard};
use crate::site::Site;
use crate::tls::Certificates;
use crate::{EXIT_BAD_CONFIG, EXIT_FAILED};
pub(crate) use building::first_generation;
use building::server;
use leaving::Leaving;
use sources::sources;

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
    let config = &loaded.config;
    let (bundle, page) = (read_bundle(config)?, read_page(config)?);
    let certificates = config.tls.as_ref().map(Certificates::read).transpose().map_err(|error| error.to_string())?;
    let mut listening = listen(config, certificates.as_ref()).map_err(|error| error.to_string())?;
    let for_ops = listen_for_ops(&config.ops.listen).map_err(|error| error.to_string())?;
    let api_tls = config.api.tls.as_ref().map(Certificates::read).transpose();
    let api_certificates = api_tls.map_err(|error| format!("api.{error}"))?;
    let mut for_api = listen_for_api(config, api_certificates.as_ref()).map_err(|error| error.to_string())?;
    let live = Live::new(first_generation(config));
    let ports = loopback_ports(&listening);
    let found = move |server: &mut ServerConfig| {
        server.lanes = Some(workers);
        server.engine.origin.loopback_ports.clone_from(&ports);
    };
    let mut server_config = config.server.clone();
    found(&mut server_config);
    // What is wrong with it was found when it was read.
    let cluster = config.cluster.node(config.server.client.limits, config.limits.client.rooms_max);
    let cluster = cluster.map_err(|error| error.to_string())?;
    let development = admin::development();
    let server = server(server_config, bundle, (&live, &development), cluster.as_ref())?;
    let admin = Admin::new(config, &live, page, Arc::clone(&development));
    admin.begin(&server, config.tls.is_some());
    let readiness = Arc::new(Readiness::default());
    if let Some(cluster) = &cluster {
        let joining = cluster::join(cluster, config.cluster.at_start, &readiness);
        tokio::select! {
            joined = joining => joined?,
            _ = ending.wait_for(|ending| *ending >= Ending::InOrder) => return Ok(End::Asked),
        }
    }
    let site = Arc::new(Site { server: server.clone(), readiness: Arc::clone(&readiness), admin: Arc::clone(&admin) });
    let drain = Drain::new(server.clone(), Arc::clone(&readiness), config.drain.clone());
    let (http, token) = (config.http.clone(), TokenNow::new(config.ops.token.clone()));
    let (terms, asked) = (TermsNow::new(config), Arc::<Counts>::default());
    let (live_now, drain_now) = (Arc::clone(&live), Arc::clone(&drain));
    let api = Api::new(server.clone(), live_now, drain_now, Arc::clone(&terms), Arc::clone(&asked), cluster.clone());
    let for_ops: Vec<_> = for_ops.into_iter().zip(&config.ops.listen).collect();
    let beside = |address: &SocketAddr| {
        let is_shared = address.port() != 0 && config.api.listen.contains(&Address::Tcp(*address));
        is_shared.then(|| api::router(Arc::clone(&api)))
    };
    let for_ops: Vec<_> = for_ops.into_iter().map(|(listener, address)| (listener, beside(address))).collect();
    let held = Held::new(loaded.effective);
    let mut replacing = Replacing::new(
        load,
        loaded.config,
        Parts {
            server: server.clone(),
            cluster: cluster.clone(),
            live: Arc::clone(&live),
            admin: Arc::clone(&admin),
            development,
            held: Arc::clone(&held),
            drain: Arc::clone(&drain),
            certificates: certificates.clone(),
            token: Arc::clone(&token),
            terms,
            api_certificates: api_certificates.clone(),
            filter,
            found: Box::new(found),
        },
    );
    let reloader = Reloader::new(move || replacing.replace());
    // Before clients are accepted, and until the process ends.
    let mut lines = ops_lines(&for_ops)?;
    lines.extend(for_api.iter().map(|listening| format!("api on {}", listening.url)));
    let sources = sources(&server, &live, asked, admin, cluster.clone());
    let _answering = ops::start(for_ops, token, sources, &readiness, &drain, &reloader, &held);
    let _api_files: Vec<_> = for_api.iter_mut().filter_map(Listening::take_file).collect();
    let _answering_api = api::start(for_api.into_iter().map(|listening| listening.listener).collect(), &api);

    let (serving, stopping) = watch::channel(());
    // Removed when this returns: whoever connects meanwhile is refused as by a socket that is gone.
    let _files: Vec<_> = listening.iter_mut().filter_map(Listening::take_file).collect();
    for certificates in [certificates, api_certificates].into_iter().flatten() {
        tokio::spawn(certificates.watch());
    }
    // Whoever comes now is kept by the sockets until they are accepted; and who reads the lines may ask at once.
    readiness.set(Unready::Starting, false);
    let accepting = start(listening, &http, &site, &stopping, lines);
    notify::ready(&server);
    let by_signal = Arc::clone(&reloader);
    tokio::spawn(async move {
        loop {
            reload.notified().await;
            let _ = by_signal.reload().await; // It says itself how it went.
        }
    });
    let stopped = async {
        // An error would be that nobody hears signals any more; that thread lives as long as the process.
        let _ = ending.wait_for(|ending| *ending >= Ending::InOrder).await;
    };
    let end = end(stopped, server.failed()).await;
    reloader.end();

    let leaving =
        Leaving { server: &server, drain: &drain, readiness: &readiness, cluster: cluster.as_ref(), live: &live };
    leaving.leave(&end, ending, serving, accepting).await;
    Ok(end)
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

/// A line for each listener: `ops on http://127.0.0.1:9300`; and one for the API where it is there too.
fn ops_lines(listeners: &[(TcpListener, Option<Router>)]) -> Result<Vec<String>, String> {
    let line = |(listener, api): &(TcpListener, Option<Router>)| {
        let address = listener.local_addr()?;
        let api = api.as_ref().map(|_| format!("api on http://{address}"));
        Ok(std::iter::once(format!("ops on http://{address}")).chain(api))
    };
    let lines: Result<Vec<_>, io::Error> = listeners.iter().map(line).collect();
    lines.map(|lines| lines.into_iter().flatten().collect()).map_err(|error| format!("cannot listen: {error}"))
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
