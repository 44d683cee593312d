//! Any query, by any method, as a request to the engine.

use std::cell::Cell;

use engineio_proto::{EngineRequest, JsonpIndex, RequestError, RequestHead, Sid, Transport, has_version, jsonp};

/// What a request asks does not depend on how its query is written; the version is asked for wherever a session is;
/// and a parameter that stands twice is refused.
///
/// The first byte chooses the method, whether a WebSocket is asked for, and where the session is.
pub fn check(data: &[u8]) {
    let Some((&choice, query)) = data.split_first() else { return };
    let Ok(query) = std::str::from_utf8(query) else { return };
    let method = ["GET", "POST", "OPTIONS", "PUT"][usize::from(choice & 3)];
    let current = [None, None, Some(Transport::Polling), Some(Transport::WebSocket)][usize::from(choice >> 2 & 3)];
    let ask = |query: &str| ask(method, query, choice & 16 != 0, current);

    let found = ask(query);
    if let Ok(request) = &found {
        is_sound(request, query);
    } else if let Err(error) = &found {
        let body: serde_json::Value = serde_json::from_str(&error.to_json()).expect("the body of an error is JSON");
        assert_eq!(body["code"], error.code());
    }
    // Parameters that mean nothing to us change nothing.
    assert_eq!(ask(&format!("{query}&t=xyz&zz")), found);
    // A percent sign may already begin an escape.
    if !query.contains('%') {
        assert_eq!(ask(&escaped(query)), found);
    }
    let twice = ask(&format!("{query}&{query}"));
    let names_a_transport = found != Err(RequestError::TransportUnknown);
    assert!(twice == Err(RequestError::BadRequest) || (twice == found && !names_a_transport));
}

fn ask(method: &str, query: &str, is_upgrade: bool, current: Option<Transport>) -> Result<EngineRequest, RequestError> {
    let times = Cell::new(0);
    let transport_of = |sid: &Sid| {
        times.set(times.get() + 1);
        assert_eq!(Sid::parse(sid.reveal().as_bytes()), Some(*sid));
        current
    };
    let head = RequestHead { method, query, is_upgrade };
    let found = EngineRequest::parse(head, &[Transport::Polling, Transport::WebSocket], transport_of);
    assert!(times.get() <= 1);
    if current.is_none() {
        let needs_a_session = matches!(
            found,
            Ok(EngineRequest::Poll { .. } | EngineRequest::Post { .. } | EngineRequest::Upgrade { .. })
        );
        assert!(!needs_a_session, "there is no such session");
    }
    found
}

fn is_sound(request: &EngineRequest, query: &str) {
    match request {
        EngineRequest::Poll { jsonp: Some(index), .. } | EngineRequest::Open { jsonp: Some(index), .. } => {
            let script = jsonp::encode(index.clone(), "");
            let digits = script.strip_prefix(b"___eio[").and_then(|rest| rest.strip_suffix(b"](\"\");"));
            let digits = digits.expect("nothing but digits comes from the query");
            assert!(digits.len() <= 20 && digits.iter().all(u8::is_ascii_digit));
        }
        _ => {}
    }
    if matches!(request, EngineRequest::Poll { .. } | EngineRequest::Post { .. } | EngineRequest::Upgrade { .. }) {
        assert!(has_version(query));
    }
}

fn escaped(query: &str) -> String {
    let mut escaped = String::new();
    for byte in query.bytes() {
        match byte {
            b'&' | b'=' | b'+' => escaped.push(byte.into()),
            other => escaped.push_str(&format!("%{other:02x}")),
        }
    }
    escaped
}

/// The callback that a request with `j=…` names.
pub(crate) fn jsonp_index(parameter: &str) -> JsonpIndex {
    let query = format!("EIO=4&transport=polling&j={parameter}");
    match ask("GET", &query, false, None) {
        Ok(EngineRequest::Open { jsonp: Some(index), .. }) => index,
        other => panic!("{other:?}"),
    }
}
