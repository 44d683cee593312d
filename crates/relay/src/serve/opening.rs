//! What is read and opened before anything runs.

use std::sync::Arc;

use socketio::ClientBundle;
use tokio::net::TcpListener;

use crate::admin::Page;
use crate::bundle::{read_bundle, read_page};
use crate::config::Config;
use crate::listen::{ListenError, Listening, listen, listen_for_api, listen_for_ops};
use crate::tls::Certificates;

/// Files and sockets, as the configuration names them.
pub(super) struct Opened {
    pub(super) bundle: Option<ClientBundle>,
    pub(super) page: Option<Page>,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) api_certificates: Option<Arc<Certificates>>,
    pub(super) for_clients: Vec<Listening>,
    /// In the order of `ops.listen`.
    pub(super) for_ops: Vec<TcpListener>,
    /// Those that are not for operators too.
    pub(super) for_api: Vec<Listening>,
}

impl Opened {
    /// # Errors
    /// The first that cannot be had, and why.
    pub(super) fn by(config: &Config) -> Result<Self, String> {
        let unheard = |error: ListenError| error.to_string();
        let (bundle, page) = (read_bundle(config)?, read_page(config)?);
        let certificates = config.tls.as_ref().map(Certificates::read).transpose();
        let certificates = certificates.map_err(|error| error.to_string())?;
        let for_clients = listen(config, certificates.as_ref()).map_err(unheard)?;
        let for_ops = listen_for_ops(&config.ops.listen).map_err(unheard)?;
        let api_certificates = config.api.tls.as_ref().map(Certificates::read).transpose();
        let api_certificates = api_certificates.map_err(|error| format!("api.{error}"))?;
        let for_api = listen_for_api(config, api_certificates.as_ref()).map_err(unheard)?;
        Ok(Self { bundle, page, certificates, api_certificates, for_clients, for_ops, for_api })
    }
}
