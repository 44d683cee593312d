//! What is answered to operators and programs, from before clients are accepted until the process ends.

use std::io;
use std::sync::Arc;

use axum::Router;
use socketio::engineio::Listener;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::api::{self, Api};
use crate::config::{Address, Config};
use crate::listen::{Listening, SocketFile};

/// Those that answer, for as long as this is kept.
pub(super) struct Answering {
    pub(super) _operators: JoinSet<()>,
    pub(super) _programs: JoinSet<()>,
    /// Where programs find them.
    pub(super) _files: Vec<SocketFile>,
}

/// The listeners for operators, each with what of the API is answered there too.
pub(super) fn with_api_beside(
    for_ops: Vec<TcpListener>,
    config: &Config,
    api: &Arc<Api>,
) -> Vec<(TcpListener, Option<Router>)> {
    let listeners = for_ops.into_iter().zip(&config.ops.listen);
    let both = listeners.map(|(listener, address)| {
        let is_shared = address.port() != 0 && config.api.listen.contains(&Address::Tcp(*address));
        (listener, is_shared.then(|| api::router(Arc::clone(api))))
    });
    both.collect()
}

/// A line for each listener that a script can read: `ops on http://127.0.0.1:9300`, `api on …`.
///
/// # Errors
/// A listener has no address.
pub(super) fn lines(for_ops: &[(TcpListener, Option<Router>)], for_api: &[Listening]) -> Result<Vec<String>, String> {
    let line = |(listener, api): &(TcpListener, Option<Router>)| {
        let address = listener.local_addr()?;
        let api = api.as_ref().map(|_| format!("api on http://{address}"));
        Ok(std::iter::once(format!("ops on http://{address}")).chain(api))
    };
    let of_ops: Result<Vec<_>, io::Error> = for_ops.iter().map(line).collect();
    let of_ops = of_ops.map_err(|error| format!("cannot listen: {error}"))?;
    let of_api = for_api.iter().map(|listening| format!("api on {}", listening.url));
    Ok(of_ops.into_iter().flatten().chain(of_api).collect())
}

/// The listeners, and the files by which they are found.
pub(super) fn apart(mut all: Vec<Listening>) -> (Vec<Listener>, Vec<SocketFile>) {
    let files = all.iter_mut().filter_map(Listening::take_file).collect();
    (all.into_iter().map(|listening| listening.listener).collect(), files)
}
