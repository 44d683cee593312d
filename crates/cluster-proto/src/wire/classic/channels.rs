//! The channels of a namespace (section 2.1).

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassicOrigin<'a> {
    /// Events; of one room, if the channel names one. It is only a filter: whom an event is for stands in the message.
    Events {
        /// What stands between the namespace and the last `#`, whatever it is: rooms may contain `#`, or be empty.
        room: Option<&'a str>,
    },
    /// Requests.
    Requests,
    /// Answers to anybody, or to us.
    Responses,
}

/// `P#N#`, and what is made of it.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    all: String,
    pub(super) pattern: String,
    pub(super) requests: String,
    pub(super) responses: String,
    pub(super) own_responses: String,
}

impl Channels {
    pub(super) fn new(prefix: &str, namespace: &str, uid: &str) -> Self {
        let all = format!("{prefix}#{namespace}#");
        let responses = format!("{prefix}-response#{namespace}#");
        Self {
            pattern: escape(&all) + "*",
            all,
            requests: format!("{prefix}-request#{namespace}#"),
            own_responses: format!("{responses}{uid}#"),
            responses,
        }
    }

    pub(super) fn origin<'a>(&self, channel: &'a [u8]) -> Option<ClassicOrigin<'a>> {
        if let Some(rest) = channel.strip_prefix(self.all.as_bytes()) {
            return match rest.strip_suffix(b"#") {
                None if rest.is_empty() => Some(ClassicOrigin::Events { room: None }),
                // No room of ours has a name that is no text.
                Some(room) => Some(ClassicOrigin::Events { room: Some(std::str::from_utf8(room).ok()?) }),
                None => None,
            };
        }
        if channel == self.requests.as_bytes() {
            return Some(ClassicOrigin::Requests);
        }
        let is_answers = [&self.responses, &self.own_responses].iter().any(|ours| ours.as_bytes() == channel);
        is_answers.then_some(ClassicOrigin::Responses)
    }

    /// Where an event goes: to the channel of the one room that it is for, or to all.
    pub(super) fn events(&self, room: Option<&str>) -> String {
        match room {
            Some(room) => [&self.all, room, "#"].concat(),
            None => self.all.clone(),
        }
    }

    /// Where an answer goes.
    pub(super) fn answers(&self, asker: Option<&str>) -> String {
        match asker {
            Some(asker) => [&self.responses, asker, "#"].concat(),
            None => self.responses.clone(),
        }
    }
}

/// A text as a pattern of Redis that matches nothing else. Node servers do not do it, and are deaf in a namespace with `[`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_what_stands_before_the_last_hash() {
        let channels = Channels::new("socket.io", "/", "abcdef");
        let room = |channel: &'static str| match channels.origin(channel.as_bytes()) {
            Some(ClassicOrigin::Events { room }) => Some(room),
            _ => None,
        };
        for (channel, expected) in [
            ("socket.io#/#", Some(None)),
            ("socket.io#/#news#", Some(Some("news"))),
            ("socket.io#/#a#b#", Some(Some("a#b"))),
            ("socket.io#/##", Some(Some(""))),
            ("socket.io#/#a\n *#", Some(Some("a\n *"))),
            ("socket.io#/#news", None),
            ("socket.io#/chat#news#", None),
            ("socket.io#", None),
            ("my:app#/#", None),
            ("socket.io-request#/#", None),
        ] {
            assert_eq!(room(channel), expected, "{channel:?}");
        }
        assert_eq!(channels.origin(b"socket.io#/#\xff#"), None);
    }

    #[test]
    fn requests_and_answers_have_their_own() {
        let channels = Channels::new("my:app", "/chat", "abcdef");
        assert_eq!(channels.origin(b"my:app-request#/chat#"), Some(ClassicOrigin::Requests));
        assert_eq!(channels.origin(b"my:app-response#/chat#"), Some(ClassicOrigin::Responses));
        assert_eq!(channels.origin(b"my:app-response#/chat#abcdef#"), Some(ClassicOrigin::Responses));
        for foreign in ["my:app-response#/chat#ghijkl#", "my:app-request#/chat#x", "my:app-request#/#", ""] {
            assert_eq!(channels.origin(foreign.as_bytes()), None, "{foreign}");
        }
    }

    #[test]
    fn a_pattern_matches_the_namespace_itself() {
        assert_eq!(Channels::new("socket.io", "/", "u").pattern, "socket.io#/#*");
        assert_eq!(Channels::new("a*", "/[x]?\\", "u").pattern, r"a\*#/\[x]\?\\#*");
    }
}
