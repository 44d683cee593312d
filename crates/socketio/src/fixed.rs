//! What a server has for life.

use std::num::NonZeroUsize;

use engineio::{Engine, Unchangeable};
use hub::{AcksConfig, LaneConfig, MailboxConfig, Parser};

use crate::config::ServerConfig;

/// The settings that its tasks were started with.
pub(crate) struct Fixed {
    mailbox: MailboxConfig,
    lane: LaneConfig,
    acks: AcksConfig,
    lanes: Option<NonZeroUsize>,
    parser: Parser,
}

impl Fixed {
    pub(crate) fn of(config: &ServerConfig) -> Self {
        let ServerConfig { mailbox, lane, acks, lanes, .. } = *config;
        Self { mailbox, lane, acks, lanes, parser: config.client.parser }
    }

    /// Whether a server of these could have the settings `config`, those of its engine included.
    pub(crate) fn allows(&self, config: &ServerConfig, engine: &Engine) -> Result<(), Unchangeable> {
        let kept = [
            ("mailbox", self.mailbox == config.mailbox),
            ("lane", self.lane == config.lane),
            ("acks", self.acks == config.acks),
            ("lanes", self.lanes == config.lanes),
            ("parser", self.parser == config.client.parser),
        ];
        let own = kept.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name);
        let engine = engine.can_become(&config.engine).err();
        Unchangeable::unless_none(engine.iter().flat_map(Unchangeable::names).copied().chain(own))
    }
}
