//! What happened since the last report, as the page counts it.

use std::collections::BTreeMap;

use serde::Serialize;

/// What has been counted so far, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Connections that began.
    pub(super) opened: u64,
    /// Those that ended, by the label of why.
    pub(super) closed: BTreeMap<&'static str, u64>,
    pub(super) packets_in: u64,
    pub(super) packets_out: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

/// Something that happened so often in a second.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Aggregated {
    /// A whole second, in milliseconds since 1970.
    timestamp: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "subType", skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'static str>,
    count: u64,
}

impl Reading {
    /// What is more than in a reading before, all of it put into the second `now_ms` is in.
    pub(super) fn since(&self, before: &Self, now_ms: u64) -> Vec<Aggregated> {
        let timestamp = now_ms - now_ms % 1000;
        let mut closed: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (label, count) in &self.closed {
            let more = count.saturating_sub(before.closed.get(label).copied().unwrap_or_default());
            *closed.entry(reference_word(label)).or_default() += more;
        }
        let ended = closed.into_iter().map(|(reason, count)| ("rawDisconnection", Some(reason), count));
        let more = |kind, of: fn(&Self) -> u64| (kind, None, of(self).saturating_sub(of(before)));
        let others = [
            more("rawConnection", |reading| reading.opened),
            more("packetsIn", |reading| reading.packets_in),
            more("packetsOut", |reading| reading.packets_out),
            more("bytesIn", |reading| reading.bytes_in),
            more("bytesOut", |reading| reading.bytes_out),
        ];
        let all = others.into_iter().chain(ended).filter(|(_, _, count)| *count > 0);
        all.map(|(kind, sub_type, count)| Aggregated { timestamp, kind, sub_type, count }).collect()
    }
}

/// Why a connection ended, in the reference server's words.
fn reference_word(label: &'static str) -> &'static str {
    match label {
        "transport_close" => "transport close",
        "transport_error" | "too_large" | "overlap" => "transport error",
        "ping_timeout" => "ping timeout",
        "parse_error" | "violation" => "parse error",
        "shutdown" => "server shutting down",
        _ => "forced server close",
    }
}

#[cfg(test)]
mod tests {
    use socketio::engineio::proto::CloseReason;

    use super::*;

    #[test]
    fn only_what_is_more_is_told_in_whole_seconds() {
        let before = Reading {
            opened: 3,
            closed: [("transport_close", 1), ("overlap", 1)].into(),
            bytes_in: 10,
            bytes_out: 20,
            ..Reading::default()
        };
        let closed = [("transport_close", 1), ("overlap", 2), ("transport_error", 2), ("ping_timeout", 5)].into();
        let after = Reading { opened: 5, closed, packets_out: 7, bytes_out: 1020, ..before.clone() };
        let event = |kind, sub_type, count| Aggregated { timestamp: 1_700_000_001_000, kind, sub_type, count };
        assert_eq!(
            after.since(&before, 1_700_000_001_999),
            [
                event("rawConnection", None, 2),
                event("packetsOut", None, 7),
                event("bytesOut", None, 1000),
                event("rawDisconnection", Some("ping timeout"), 5),
                event("rawDisconnection", Some("transport error"), 3),
            ]
        );
        assert_eq!(after.since(&after, 1_700_000_001_999), []);
    }

    #[test]
    fn it_is_written_as_the_page_reads_it() {
        let one = Reading { opened: 1, closed: [("shutdown", 1)].into(), ..Reading::default() };
        let json = serde_json::to_string(&one.since(&Reading::default(), 1000)).unwrap();
        assert_eq!(
            json,
            r#"[{"timestamp":1000,"type":"rawConnection","count":1},{"timestamp":1000,"type":"rawDisconnection","subType":"server shutting down","count":1}]"#
        );
    }

    #[test]
    fn every_reason_has_the_reference_s_word() {
        let reasons = [
            CloseReason::TransportClose,
            CloseReason::TransportError,
            CloseReason::PingTimeout,
            CloseReason::ParseError,
            CloseReason::TooLarge,
            CloseReason::Overlap,
            CloseReason::SlowConsumer,
            CloseReason::Violation("x"),
            CloseReason::Internal,
            CloseReason::Unavailable,
            CloseReason::Shutdown,
            CloseReason::Application("x"),
            CloseReason::Dropped("x"),
        ];
        assert_eq!(reasons.len(), CloseReason::LABELS.len());
        for reason in reasons {
            assert_eq!(reference_word(reason.label()), reason.as_reference());
        }
    }
}
