//! With which other servers this one is one, as a file says it.

use ::cluster::{AtStart, Mode, OnGap};
use socketio::engineio::HeadersKept;

use super::*;
use crate::cluster::Fleet;

#[test]
fn a_cluster_is_read() {
    let Loaded { config, warnings, .. } = from_file(
        "[cluster]\nredis = ['redis://one', 'redis://two']\nadapter = 'sharded'\nmode = 'dynamic-private'\nprefix = 'p'\n\
         name = 'n'\nat_start = 'alone'\non_gap = 'reset'\noutgoing_ms_max = 0\nhandshake_headers = ['X-Mine', 'user-agent']",
    )
    .unwrap();
    assert_eq!(warnings, []);
    let cluster = &config.cluster;
    assert_eq!(cluster.redis.iter().map(|address| &*address.0).collect::<Vec<_>>(), ["redis://one", "redis://two"]);
    assert_eq!((cluster.adapter, cluster.mode, &*cluster.prefix), (Fleet::Sharded, Mode::DynamicPrivate, "p"));
    assert_eq!((cluster.at_start, cluster.on_gap), (AtStart::Alone, OnGap::Reset));
    assert_eq!((cluster.name.as_deref(), cluster.outgoing_age_max), (Some("n"), Duration::ZERO));
    assert_eq!(cluster.handshake_headers, ["x-mine", "user-agent"]);
    // What the fleet is shown has to be kept.
    let names = ["user-agent", "x-mine"].map(HeaderName::from_static);
    assert_eq!(config.server.engine.headers_kept, HeadersKept::Only(names.to_vec()));
}

#[test]
fn in_a_variable_several_are_separated_by_blanks() {
    let several = "redis+sentinel://a:1,b:2/m";
    for (text, count) in [(several, 1), ("redis://a redis://b", 2), ("rediss://u:p@h", 1)] {
        let config = from_variables(&[("FANFARE_CLUSTER_REDIS", text)]).unwrap().config;
        assert_eq!(config.cluster.redis.len(), count, "{text}");
    }
}

#[test]
fn a_password_is_shown_to_nobody() {
    let loaded = from_variables(&[("FANFARE_CLUSTER_REDIS", "redis://me:s3cret@h")]).unwrap();
    assert!(!format!("{:?} {:?}", loaded.config, loaded.effective.lines()).contains("s3cret"));
    let line = |loaded: &Loaded| loaded.effective.lines().into_iter().find(|line| line.key == "cluster.redis").unwrap();
    assert_eq!(line(&loaded).value, None);
    let other = from_variables(&[("FANFARE_CLUSTER_REDIS", "redis://me:0ther@h")]).unwrap();
    let changes = loaded.effective.changes(&other.effective);
    assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cluster.redis: (changed)"]);
    let plain = from_variables(&[("FANFARE_CLUSTER_REDIS", "redis://h")]).unwrap();
    assert_eq!(line(&plain).value.unwrap().as_str(), "[\"redis://h\"]");
    for wrong in ["http://me:s3cret@h", "redis://me:s3cret@", "redis://me:s3cret@h:port"] {
        let problems = from_variables(&[("FANFARE_CLUSTER_REDIS", wrong)]).unwrap_err();
        let problem = problems[0].to_string();
        assert!(problem.starts_with("FANFARE_CLUSTER_REDIS: ") && !problem.contains("s3cret"), "{problem}");
    }
}

#[test]
fn the_password_of_sentinels_is_shown_to_nobody() {
    let with = |password| {
        let redis = ("FANFARE_CLUSTER_REDIS", "redis+sentinel://h/m");
        from_variables(&[redis, ("FANFARE_CLUSTER_SENTINEL_PASSWORD", password)]).unwrap()
    };
    let loaded = with("s3cret");
    assert!(!format!("{:?} {:?}", loaded.config, loaded.effective.lines()).contains("s3cret"));
    let changes = loaded.effective.changes(&with("0ther").effective);
    assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cluster.sentinel_password: (changed)"]);
    let problems = from_file("[cluster]\nsentinel_password = 1234567").unwrap_err();
    assert!(!problems[0].to_string().contains("1234567"), "{problems:?}");
}

#[test]
fn what_does_not_belong_together_is_refused_or_said() {
    for (text, problem) in [
        ("redis = 'redis://h'\nclient_key = 'k'", "cluster.client_key: expected cluster.client_certificate beside it"),
        ("redis = 'redis://h'\nclient_certificate = 'c'", "cluster.client_certificate: expected cluster.client_key"),
        ("redis = 'rediss://h'\nca = 'no-such-file'", "cluster.ca: "),
        ("redis = ['redis://a', 'rediss://b']", "the address of redis number 2: all of a Redis Cluster are rediss://"),
        (
            "redis = 'redis+sentinel://h/m'\nsentinel_username = 'u'",
            "cluster.sentinel_username: expected cluster.sentinel_password beside it",
        ),
        ("sentinel_password = ''", "cluster.sentinel_password: expected a password, as text"),
        ("redis = 7", "cluster.redis: expected a list: the address of a redis"),
        ("prefix = ''", "cluster.prefix: expected 1 to 256 bytes of text"),
        ("name = \"a\\nb\"", "cluster.name: expected a name of 1 to 64 bytes"),
    ] {
        let problems = from_file(&format!("[cluster]\n{text}")).unwrap_err();
        assert!(problems[0].to_string().contains(problem), "{problems:?}");
    }
    let sentinels = "[cluster]\nredis = 'redis+sentinel://h/m'\nsentinel_username = 'u'\nsentinel_password = 'p'";
    assert_eq!(from_file(sentinels).unwrap().warnings, []);
    let warnings = from_file("[cluster]\nprefix = 'p'").unwrap().warnings;
    assert!(warnings[0].to_string().contains("cluster.prefix: has no effect: cluster.redis names no redis"));
    for (text, warning) in [
        ("mode = 'static'", Some("cluster.mode: has no effect")),
        ("adapter = 'sharded'\nparser = 'json'", Some("cluster.parser: has no effect")),
        ("adapter = 'sharded'\nmode = 'static'", None),
        ("parser = 'json'", None),
        (
            "sentinel_password = 'p'",
            Some("cluster.sentinel_password: has no effect: no address in cluster.redis names"),
        ),
    ] {
        let warnings = from_file(&format!("[cluster]\nredis = 'redis://h'\n{text}")).unwrap().warnings;
        match warning {
            Some(warning) => assert!(warnings[0].to_string().contains(warning), "{warnings:?}"),
            None => assert!(warnings.is_empty(), "{warnings:?}"),
        }
    }
}
