//! The channels of a namespace.

/// Which rooms have channels of their own. All nodes of a fleet have to agree: one that is `Static` does not hear what is for one
/// room of one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Those that are no socket's own. Node's default.
    #[default]
    Dynamic,
    /// None.
    Static,
    /// All.
    DynamicPrivate,
}

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardedOrigin<'a> {
    /// What goes to all nodes.
    All,
    /// Answers to us.
    Own,
    /// Events of one room.
    Room(&'a str),
}

#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub(super) all: String,
    pub(super) own: String,
}

impl Channels {
    pub(super) fn new(prefix: &str, namespace: &str, uid: &str) -> Self {
        let all = format!("{prefix}#{namespace}#");
        Self { own: format!("{all}{uid}#"), all }
    }

    pub(super) fn origin<'a>(&self, channel: &'a [u8]) -> Option<ShardedOrigin<'a>> {
        if channel == self.own.as_bytes() {
            return Some(ShardedOrigin::Own);
        }
        let rest = channel.strip_prefix(self.all.as_bytes())?;
        if rest.is_empty() {
            return Some(ShardedOrigin::All);
        }
        Some(ShardedOrigin::Room(std::str::from_utf8(rest.strip_suffix(b"#")?).ok()?))
    }

    /// The channel of a room, or of the node that has this uid.
    pub(super) fn of_room(&self, room: &str) -> String {
        [&self.all, room, "#"].concat()
    }
}
