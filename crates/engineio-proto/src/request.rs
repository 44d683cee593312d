//! What an HTTP request asks of the engine, decided before anything is read or opened.

use crate::handshake::Transport;
use crate::jsonp::JsonpIndex;
use crate::query;
use crate::sid::Sid;

/// A request's head, as far as the protocol looks at it.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The query of the URL, without its `?`.
    pub query: &'a str,
    /// Whether it asks for a WebSocket.
    pub is_upgrade: bool,
}

/// A request that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineRequest {
    /// Open a session on this transport.
    Open {
        /// The transport the session starts on.
        transport: Transport,
        /// Set when its answers are JSONP.
        jsonp: Option<JsonpIndex>,
    },
    /// Wait for packets.
    Poll {
        /// Whose.
        sid: Sid,
        /// Set when the answer is JSONP.
        jsonp: Option<JsonpIndex>,
    },
    /// Deliver packets.
    Post {
        /// Whose.
        sid: Sid,
        /// Whether the body is a JSONP form.
        is_jsonp: bool,
    },
    /// A WebSocket that wants to become the session's transport.
    Upgrade {
        /// Whose.
        sid: Sid,
    },
    /// A WebSocket the reference accepts only to close it at once: its query names polling.
    Pointless,
    /// A method that neither polls nor posts. The session lives on.
    WrongMethod,
}

/// A request that is refused, in the words of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Code 0: no transport, or none of ours.
    TransportUnknown,
    /// Code 1: no session of that name.
    SessionUnknown,
    /// Code 2: a session is opened by GET.
    BadHandshakeMethod,
    /// Code 3: everything else.
    BadRequest,
    /// Code 4: the application did not want it, and says why.
    Forbidden(String),
    /// Code 4 too: the page that sent it may not. The reference does not ask.
    ForeignOrigin,
    /// Code 5: `EIO` is not 4.
    UnsupportedVersion,
}

impl RequestError {
    /// The number clients see.
    pub const fn code(&self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden(_) | Self::ForeignOrigin => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The message clients see.
    pub fn message(&self) -> &str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden(why) => why,
            Self::ForeignOrigin => "Origin not allowed",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// A constant word for metrics: lower case, underscores, no data.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::TransportUnknown => "transport_unknown",
            Self::SessionUnknown => "session_unknown",
            Self::BadHandshakeMethod => "bad_handshake_method",
            Self::BadRequest => "bad_request",
            Self::Forbidden(_) => "forbidden",
            Self::ForeignOrigin => "foreign_origin",
            Self::UnsupportedVersion => "unsupported_version",
        }
    }

    /// The HTTP status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Forbidden(_) | Self::ForeignOrigin => 403,
            _ => 400,
        }
    }

    /// The body of the answer.
    pub fn to_json(&self) -> String {
        let message = serde_json::Value::from(self.message());
        format!(r#"{{"code":{},"message":{message}}}"#, self.code())
    }
}

impl EngineRequest {
    /// Reads a request, checking in the reference's order: transport, session, method, version.
    ///
    /// `transports` are those the server offers; `transport_of` tells on which transport a session is, if it
    /// exists. One that began when its transport was on offer goes on by it. The application's own refusal comes between the method and the version: whoever opens a session
    /// calls [`EngineRequest::parse`], then asks the application, then looks at [`has_version`].
    ///
    /// # Errors
    /// The first check that fails. One that the reference lets pass is refused here: a parameter of ours that
    /// stands twice is [`RequestError::BadRequest`], for two readers of one request must not disagree on it.
    pub fn parse(
        head: RequestHead<'_>,
        transports: &[Transport],
        transport_of: impl FnOnce(&Sid) -> Option<Transport>,
    ) -> Result<Self, RequestError> {
        let query = Query::parse(head.query)?;
        let transport = query.transport.ok_or(RequestError::TransportUnknown)?;
        let is_offered = transports.contains(&transport);
        let Some(sid) = query.sid else {
            return if is_offered { open(head, transport, query.jsonp) } else { Err(RequestError::TransportUnknown) };
        };
        let sid = Sid::parse(&sid);
        let current = sid.as_ref().and_then(transport_of);
        if !is_offered && current != Some(transport) {
            return Err(RequestError::TransportUnknown);
        }
        let (sid, current) = sid.zip(current).ok_or(RequestError::SessionUnknown)?;
        if (!head.is_upgrade && current != transport) || !query.is_version_4 {
            return Err(RequestError::BadRequest);
        }
        Ok(match (head.is_upgrade, transport, head.method) {
            (true, Transport::WebSocket, _) => Self::Upgrade { sid },
            (true, Transport::Polling, _) => Self::Pointless,
            // After the upgrade there is nothing to ask by HTTP.
            (false, Transport::WebSocket, _) => return Err(RequestError::BadRequest),
            (false, Transport::Polling, "GET") => Self::Poll { sid, jsonp: query.jsonp },
            (false, Transport::Polling, "POST") => Self::Post { sid, is_jsonp: query.jsonp.is_some() },
            (false, Transport::Polling, _) => Self::WrongMethod,
        })
    }
}

fn open(head: RequestHead<'_>, transport: Transport, jsonp: Option<JsonpIndex>) -> Result<EngineRequest, RequestError> {
    match (transport, head.is_upgrade) {
        _ if head.method != "GET" => Err(RequestError::BadHandshakeMethod),
        (Transport::WebSocket, false) => Err(RequestError::BadRequest),
        (Transport::Polling, true) => Ok(EngineRequest::Pointless),
        _ => Ok(EngineRequest::Open { transport, jsonp }),
    }
}

/// Whether the query asks for the version of the protocol that we speak (`EIO=4`): the last check of a handshake.
pub fn has_version(query: &str) -> bool {
    Query::parse(query).is_ok_and(|query| query.is_version_4)
}

#[derive(Default)]
struct Query {
    transport: Option<Transport>,
    /// As the peer wrote it; an empty one is none, as in JavaScript.
    sid: Option<Vec<u8>>,
    is_version_4: bool,
    jsonp: Option<JsonpIndex>,
}

impl Query {
    fn parse(query: &str) -> Result<Self, RequestError> {
        let mut parsed = Self::default();
        let mut seen = [false; 4];
        for (key, value) in query::pairs(query.as_bytes()) {
            let Some(which) = KEYS.iter().position(|known| *known == &*key) else {
                continue;
            };
            if std::mem::replace(&mut seen[which], true) {
                return Err(RequestError::BadRequest);
            }
            match which {
                0 => parsed.transport = Transport::from_name(&value),
                1 => parsed.sid = (!value.is_empty()).then(|| value.into_owned()),
                2 => parsed.is_version_4 = &*value == b"4",
                _ => parsed.jsonp = Some(JsonpIndex::new(&value)),
            }
        }
        Ok(parsed)
    }
}

const KEYS: [&[u8]; 4] = [b"transport", b"sid", b"EIO", b"j"];

#[cfg(test)]
mod tests {
    use super::*;

    const POLLING_SID: &str = "AAAAAAAAAAAAAAAAAAAA";
    const WEBSOCKET_SID: &str = "BBBBBBBBBBBBBBBBBBBB";
    const BOTH: &[Transport] = &[Transport::Polling, Transport::WebSocket];

    fn parse(method: &str, query: &str, is_upgrade: bool) -> Result<EngineRequest, RequestError> {
        EngineRequest::parse(RequestHead { method, query, is_upgrade }, BOTH, |sid| match sid.reveal() {
            POLLING_SID => Some(Transport::Polling),
            WEBSOCKET_SID => Some(Transport::WebSocket),
            _ => None,
        })
    }

    #[test]
    fn each_refusal_has_the_reference_s_code_in_the_reference_s_order() {
        for (method, query, is_upgrade, code) in [
            ("GET", "", false, 0),
            ("GET", "EIO=4", false, 0),
            ("GET", "EIO=4&transport=__proto__", false, 0),
            ("GET", "EIO=4&transport=constructor&sid=x", false, 0),
            ("GET", "EIO=4&transport=toString", true, 0),
            ("PUT", "transport=nope&sid=x", false, 0),
            ("GET", "EIO=4&transport=polling&sid=x", false, 1),
            ("PUT", "EIO=3&transport=polling&sid=CCCCCCCCCCCCCCCCCCCC", false, 1),
            ("POST", "EIO=4&transport=polling", false, 2),
            ("OPTIONS", "EIO=4&transport=websocket", false, 2),
            ("POST", "EIO=4&transport=polling&sid=", false, 2),
            ("GET", "EIO=4&transport=websocket", false, 3),
            ("GET", "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", false, 3),
            ("GET", "EIO=4&transport=polling&sid=BBBBBBBBBBBBBBBBBBBB", false, 3),
            ("GET", "EIO=3&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", false, 3),
            ("GET", "EIO=3&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", true, 3),
            ("GET", "EIO=4&transport=websocket&sid=BBBBBBBBBBBBBBBBBBBB", false, 3),
            ("GET", "EIO=4&EIO=4&transport=polling", false, 3),
            ("GET", "EIO=4&transport=polling&transport=polling", false, 3),
        ] {
            let error = parse(method, query, is_upgrade).expect_err(query);
            assert_eq!(error.code(), code, "{method} {query}");
        }
    }

    #[test]
    fn a_request_that_makes_sense_is_told_from_the_others() {
        let sid = Sid::parse(POLLING_SID.as_bytes()).unwrap();
        let jsonp = Some(JsonpIndex::new(b"0"));
        let open = |transport| EngineRequest::Open { transport, jsonp: None };
        for (method, query, is_upgrade, request) in [
            ("GET", "EIO=4&transport=polling", false, open(Transport::Polling)),
            ("GET", "EIO=4&transport=%70olling&t=abc", false, open(Transport::Polling)),
            ("GET", "transport=polling", false, open(Transport::Polling)),
            ("GET", "EIO=4&transport=websocket", true, open(Transport::WebSocket)),
            ("GET", "EIO=4&transport=polling", true, EngineRequest::Pointless),
            (
                "GET",
                "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA",
                false,
                EngineRequest::Poll { sid, jsonp: None },
            ),
            ("GET", "EIO=4&transport=polling&j=0&sid=AAAAAAAAAAAAAAAAAAAA", false, EngineRequest::Poll { sid, jsonp }),
            (
                "POST",
                "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA",
                false,
                EngineRequest::Post { sid, is_jsonp: false },
            ),
            ("DELETE", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", false, EngineRequest::WrongMethod),
            ("GET", "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", true, EngineRequest::Upgrade { sid }),
        ] {
            assert_eq!(parse(method, query, is_upgrade), Ok(request), "{method} {query}");
        }
    }

    #[test]
    fn a_transport_that_is_not_offered_is_unknown() {
        let head = RequestHead { method: "GET", query: "EIO=4&transport=polling", is_upgrade: false };
        let refused = EngineRequest::parse(head, &[Transport::WebSocket], |_| None);
        assert_eq!(refused, Err(RequestError::TransportUnknown));
    }

    #[test]
    fn the_version_must_be_four() {
        assert!(has_version("transport=polling&EIO=4"));
        for query in ["", "EIO=3", "EIO=44", "EIO=", "eio=4"] {
            assert!(!has_version(query), "{query}");
        }
    }

    #[test]
    fn an_error_s_body_is_json() {
        assert_eq!(RequestError::TransportUnknown.to_json(), r#"{"code":0,"message":"Transport unknown"}"#);
        let forbidden = RequestError::Forbidden("no \"guests\"".into());
        assert_eq!(forbidden.to_json(), r#"{"code":4,"message":"no \"guests\""}"#);
    }
}
