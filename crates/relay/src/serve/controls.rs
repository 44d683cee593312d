//! What operators and programs have in hand.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::answering::{Answering, apart, lines, with_api_beside};
use super::building::Built;
use super::sources::sources;
use crate::api::{self, Api, Counts, TermsNow};
use crate::config::{Held, Loaded, Problem};
use crate::drain::Drain;
use crate::listen::Listening;
use crate::log::FilterNow;
use crate::ops::{self, TokenNow};
use crate::readiness::Readiness;
use crate::reload::{Parts, Reloader, Replacing};
use crate::tls::Certificates;

/// How the relay is drained, reloaded and asked.
pub(super) struct Controls {
    pub(super) drain: Arc<Drain>,
    pub(super) reloader: Arc<Reloader>,
    pub(super) answering: Answering,
    /// Where it is asked, in lines that a script can read.
    pub(super) lines: Vec<String>,
}

impl Controls {
    /// Answers operators and programs from here on, before clients are accepted.
    ///
    /// # Errors
    /// A listener has no address.
    pub(super) fn begin(
        built: Built,
        readiness: &Arc<Readiness>,
        (for_ops, for_api): (Vec<TcpListener>, Vec<Listening>),
        (loaded, load): (Loaded, impl Fn() -> Result<Loaded, Vec<Problem>> + Send + 'static),
        [certificates, api_certificates]: [Option<Arc<Certificates>>; 2],
        filter: FilterNow,
    ) -> Result<Self, String> {
        let Loaded { config, effective, .. } = loaded;
        let Built { server, live, cluster, admin, development, found } = built;
        let drain = Drain::new(server.clone(), Arc::clone(readiness), config.drain.clone());
        let (token, held) = (TokenNow::new(config.ops.token.clone()), Held::new(effective));
        let (terms, asked) = (TermsNow::new(&config), Arc::<Counts>::default());
        let (live_now, drain_now, terms_now) = (Arc::clone(&live), Arc::clone(&drain), Arc::clone(&terms));
        let api = Api::new(server.clone(), live_now, drain_now, terms_now, Arc::clone(&asked), cluster.clone());
        let for_ops = with_api_beside(for_ops, &config, &api);
        let lines = lines(&for_ops, &for_api)?;
        let sources = sources(&server, &live, asked, Arc::clone(&admin), cluster.clone());
        let parts = Parts {
            server,
            cluster,
            live,
            admin,
            development,
            held: Arc::clone(&held),
            drain: Arc::clone(&drain),
            certificates,
            token: Arc::clone(&token),
            terms,
            api_certificates,
            filter,
            found,
        };
        let mut replacing = Replacing::new(load, config, parts);
        let reloader = Reloader::new(move || replacing.replace());
        let operators = ops::start(for_ops, token, sources, readiness, &drain, &reloader, &held);
        let (listeners, files) = apart(for_api);
        let programs = api::start(listeners, &api);
        let answering = Answering { _operators: operators, _programs: programs, _files: files };
        Ok(Self { drain, reloader, answering, lines })
    }
}
