//! What an operator wants to know.

use std::fmt;

use cluster_proto::{connection, peers};

/// What an operator wants to know, each thing once. Its `Display` is a line for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Of the link to Redis: joined, lost, and why.
    Link(connection::Notice),
    /// Of another Fanfare node: it came or went, or something it sent was missed.
    Peer(peers::Event),
    /// More came than could be done; what there was no place for is dropped. Said once until the node has joined anew.
    Overflow,
    /// Redis does not take what is published, in its words. Said once until the node has joined anew.
    NotPublished {
        /// Redis' words.
        error: String,
    },
    /// The node does not start: `at_start` is [`AtStart::Fail`](crate::AtStart::Fail).
    Failed(connection::Why),
}

impl Notice {
    /// Whether it is bad news.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::Link(notice) => {
                !matches!(notice, connection::Notice::Joined { .. } | connection::Notice::Whole { .. })
            }
            Self::Peer(event) => {
                matches!(event, peers::Event::Late { .. } | peers::Event::Missed { .. } | peers::Event::SameUid)
                    || matches!(event, peers::Event::Gone { how: peers::Gone::Silent, .. } | peers::Event::Reset { .. })
            }
            Self::Overflow | Self::NotPublished { .. } | Self::Failed(_) => true,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(notice) => link(notice, f),
            Self::Peer(event) => peer(event, f),
            Self::Overflow => f.write_str("the cluster says more than can be done here: some of it is dropped"),
            Self::NotPublished { error } => write!(f, "redis does not take what is published: {error}"),
            Self::Failed(why) => write!(f, "the cluster cannot be joined: {why}"),
        }
    }
}

fn link(notice: &connection::Notice, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use connection::Notice as Link;
    match notice {
        Link::Joined { after, deaf: None } => write!(f, "joined the cluster after {after:.1?}"),
        Link::Joined { after, deaf: Some(deaf) } => {
            write!(f, "joined the cluster again after {after:.1?}; nothing was heard of it for {deaf:.1?}")
        }
        Link::Lost(why) => write!(f, "lost the cluster: {why}"),
        Link::Waiting(why) => write!(f, "waiting for the cluster: {why}"),
        Link::Partly { subscription, error } => {
            write!(f, "a part of the cluster's redis is away, {subscription} and others with it: {error}")
        }
        Link::Whole { after, .. } => write!(f, "all of the cluster's redis is there again after {after:.1?}"),
        Link::Refused { subscription, error } => write!(f, "{subscription} is refused: {error}"),
        Link::CannotCount { error } => {
            write!(f, "redis does not count subscribers, so questions cannot know who is missing: {error}")
        }
    }
}

fn peer(event: &peers::Event, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use peers::{Event, Gone};
    let named =
        |name: &Option<String>| name.as_ref().map(|name| format!(" ({})", name.escape_debug())).unwrap_or_default();
    match event {
        Event::Appeared { uid, name } => write!(f, "node {}{} is there", uid.escape_debug(), named(name)),
        Event::Late { uid } => write!(f, "nothing is heard of node {}", uid.escape_debug()),
        Event::Back { uid } => write!(f, "node {} is heard again", uid.escape_debug()),
        Event::Gone { uid, name, how } => {
            let how = match how {
                Gone::Left => "left",
                Gone::Silent => "is gone without a word",
                Gone::Restarted => "was started anew",
            };
            write!(f, "node {}{} {how}", uid.escape_debug(), named(name))
        }
        Event::Missed { uid, namespace, count } => {
            write!(f, "{count} messages of node {} in {namespace} were missed", uid.escape_debug())
        }
        Event::SameUid => f.write_str("another node sends under this node's uid: they do not hear each other"),
        Event::Reset { namespace } => write!(f, "closing the sockets of {namespace}, which missed something"),
    }
}
