//! What a server says about itself: the open packet of Engine.IO, and the payloads of CONNECT and CONNECT_ERROR.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use socketio_codec::{Json, Text};

use crate::happening::Refusal;

/// The open packet, as far as a client needs it (Engine.IO v4, section "Handshake").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    /// After so long without a word the server is gone: it pings once in `pingInterval`, and waits `pingTimeout` itself.
    pub(crate) silence_max: Duration,
    /// The largest message that it takes. Servers before 4.1 do not say.
    pub(crate) message_bytes_max: Option<usize>,
}

impl Opened {
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Open {
            ping_interval: u64,
            ping_timeout: u64,
            max_payload: Option<usize>,
        }
        let open: Open = serde_json::from_slice(json).ok()?;
        let silence_max = Duration::from_millis(open.ping_interval.saturating_add(open.ping_timeout)).min(SILENCE_MAX);
        Some(Self { silence_max, message_bytes_max: open.max_payload })
    }
}

/// Whatever a server says: times are added to an `Instant`, which has an end.
const SILENCE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The socket id of a CONNECT. Servers before version 3 send none.
pub(crate) fn socket_id(payload: Option<&Json>) -> Option<String> {
    #[derive(Deserialize)]
    struct Connect {
        sid: String,
    }
    payload?.deserialize::<Connect>().ok().map(|connect| connect.sid)
}

/// A CONNECT_ERROR's payload: an object, or of servers before version 3 a string.
pub(crate) fn refusal(payload: Option<&Json>) -> Refusal {
    #[derive(Deserialize)]
    struct Error<'a> {
        #[serde(default)]
        message: String,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let Some(payload) = payload else {
        return Refusal { message: String::new(), data: None };
    };
    if let Ok(Error { message, data }) = payload.deserialize() {
        let data = data.and_then(|data| Json::from_text(Text::from(data.get().to_owned())).ok());
        return Refusal { message, data };
    }
    match payload.deserialize::<String>() {
        Ok(message) => Refusal { message, data: None },
        Err(_) => Refusal { message: String::new(), data: Some(payload.detached()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::from_text(Text::from(text.to_owned())).unwrap()
    }

    #[test]
    fn an_open_packet_needs_its_times() {
        let opened = Opened::parse(br#"{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
        assert_eq!(opened, Some(Opened { silence_max: Duration::from_secs(45), message_bytes_max: None }));
        let opened = Opened::parse(br#"{"sid":"x","pingInterval":1,"pingTimeout":2,"maxPayload":7}"#).unwrap();
        assert_eq!(opened, Opened { silence_max: Duration::from_millis(3), message_bytes_max: Some(7) });
        let endless = br#"{"pingInterval":18446744073709551615,"pingTimeout":1}"#;
        assert_eq!(Opened::parse(endless).unwrap().silence_max, SILENCE_MAX);
        for nonsense in
            ["", "{}", "[]", r#"{"pingInterval":"1","pingTimeout":1}"#, r#"{"pingInterval":-1,"pingTimeout":1}"#]
        {
            assert_eq!(Opened::parse(nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn a_refusal_is_an_object_or_a_string() {
        for (payload, message, data) in [
            (r#"{"message":"no","data":{"code":1}}"#, "no", Some(r#"{"code":1}"#)),
            (r#"{"message":"no"}"#, "no", None),
            (r#""no""#, "no", None),
            (r#"{"message":1}"#, "", Some(r#"{"message":1}"#)),
        ] {
            assert_eq!(refusal(Some(&json(payload))), Refusal { message: message.to_owned(), data: data.map(json) });
        }
        assert_eq!(refusal(None).message, "");
    }

    #[test]
    fn only_an_id_is_an_id() {
        assert_eq!(socket_id(Some(&json(r#"{"sid":"a","pid":"b"}"#))), Some("a".to_owned()));
        for payload in [None, Some(json("{}")), Some(json(r#"{"sid":1}"#))] {
            assert_eq!(socket_id(payload.as_ref()), None);
        }
    }
}
