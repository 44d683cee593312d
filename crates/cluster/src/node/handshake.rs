//! A client's handshake, as other nodes are shown it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use socketio::Handshake;
use socketio::codec::Json;

/// The handshake in the reference's words, with no headers but these, and no query but the protocol's own: it goes to everybody on
/// that Redis, and tokens travel in both.
pub(super) fn shown(handshake: &Handshake, headers: &[String]) -> Option<Json> {
    let of_header = |name: &String| {
        let values = handshake.headers.get_all(name.as_str()).iter();
        let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| (name.clone(), Value::from(values.join(", "))))
    };
    let headers: Map<String, Value> = headers.iter().filter_map(of_header).collect();
    let query = query(handshake.uri.query().unwrap_or_default());
    let shown: Vec<_> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let issued = handshake.time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
    let query: Map<String, Value> = query.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    let handshake = json!({
        "headers": headers,
        "time": date(handshake.time),
        "address": handshake.address.map(|address| address.to_string()).unwrap_or_default(),
        "xdomain": false,
        "secure": false,
        "issued": issued,
        "url": format!("{}?{}", handshake.uri.path(), shown.join("&")),
        "query": query,
        "auth": {},
    });
    Json::serialize(&handshake).ok()
}

fn query(text: &str) -> Vec<(&str, &str)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let is_plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    pairs.filter(|(key, value)| matches!(*key, "EIO" | "transport") && is_plain(value)).collect()
}

/// As JavaScript's `Date` shows itself: `Wed Nov 25 2026 15:42:21 GMT+0000 (Coordinated Universal Time)`.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = DAYS[(days % 7) as usize];
    let month = MONTHS[month as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday} {month} {day:02} {year} {hour:02}:{minute:02}:{second:02} GMT+0000 (Coordinated Universal Time)")
}

/// Year, month from 0, and day of a number of days since 1970, by the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the day that comes every four years is the last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12;
    (year + era * 400 + u64::from(month < 2), month, day)
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_javascript() {
        for (seconds, shown) in [
            (0, "Thu Jan 01 1970 00:00:00"),
            (951_782_400, "Tue Feb 29 2000 00:00:00"),
            (1_795_621_341, "Wed Nov 25 2026 15:42:21"),
            (1_798_761_599, "Thu Dec 31 2026 23:59:59"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(date(time), format!("{shown} GMT+0000 (Coordinated Universal Time)"));
        }
    }

    #[test]
    fn only_the_protocols_own_query_is_shown() {
        let shown = query("EIO=4&transport=websocket&token=secret&t=1&x");
        assert_eq!(shown, [("EIO", "4"), ("transport", "websocket")]);
    }
}
