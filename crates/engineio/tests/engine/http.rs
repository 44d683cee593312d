//! What surrounds the protocol: errors, headers, compression, limits.

use std::io::Read;

use engineio::proto::{Encoded, Transport};
use engineio::{CookieConfig, CorsConfig, CorsOrigins};
use flate2::read::{GzDecoder, ZlibDecoder};

use crate::app::{PATH, WEBSOCKET, quick, quick_with, served, tell};
use crate::support::{Http, Poller, connect, is_ended, upgrade_request};

#[tokio::test]
async fn each_wrong_request_has_its_answer() {
    let server = served(quick()).await;
    let poller = server.poller().await;
    let mut http = Http::connect(server.address).await;
    for (method, query, status, body) in [
        ("GET", "".to_owned(), 400, r#"{"code":0,"message":"Transport unknown"}"#),
        ("GET", "?EIO=4&transport=__proto__".to_owned(), 400, r#"{"code":0,"message":"Transport unknown"}"#),
        ("GET", "?EIO=4&transport=polling&sid=nope".to_owned(), 400, r#"{"code":1,"message":"Session ID unknown"}"#),
        ("POST", "?EIO=4&transport=polling".to_owned(), 400, r#"{"code":2,"message":"Bad handshake method"}"#),
        ("GET", "?EIO=4&transport=websocket".to_owned(), 400, r#"{"code":3,"message":"Bad request"}"#),
        ("GET", format!("?EIO=4&transport=websocket&sid={}", poller.sid), 400, r#"{"code":3,"message":"Bad request"}"#),
        ("GET", "?EIO=3&transport=polling".to_owned(), 400, r#"{"code":5,"message":"Unsupported protocol version"}"#),
        ("PUT", format!("?EIO=4&transport=polling&sid={}", poller.sid), 405, ""),
        ("DELETE", format!("?EIO=4&transport=polling&sid={}", poller.sid), 405, ""),
        ("OPTIONS", format!("?EIO=4&transport=polling&sid={}", poller.sid), 405, ""),
    ] {
        let answer = http.request(method, &format!("{PATH}{query}"), &[], b"").await;
        assert_eq!((answer.status, answer.text()), (status, body), "{method} {query}");
        if !body.is_empty() {
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    for path in ["/engine.io", "/", "/other/"] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    let refused = http.request("GET", &format!("{PATH}?EIO=4&transport=polling"), &[("x-refuse", "no")], b"").await;
    assert_eq!((refused.status, refused.text()), (403, r#"{"code":4,"message":"no"}"#));
    assert_eq!(server.engine.session_count(), 1);
    let counts: Vec<_> = server.engine.refusal_counts().into_iter().collect();
    let expected = [
        ("bad_handshake_method", 1),
        ("bad_request", 2),
        ("forbidden", 1),
        ("method_not_allowed", 3),
        ("session_unknown", 1),
        ("transport_unknown", 2),
        ("unsupported_version", 1),
    ];
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn a_head_request_does_not_end_the_session() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    let mut head = Http::connect(server.address).await;
    head.send("HEAD", &poller.target(), &[], b"").await;
    assert_eq!(head.answer().await.status, 405);
    poller.post("4x").await;
    assert_eq!(poller.poll().await, "4x");
}

#[tokio::test]
async fn a_refused_websocket_is_answered_in_html() {
    let server = served(quick()).await;
    for (request, status, body) in [
        (upgrade_request(&format!("{PATH}?EIO=3&transport=websocket")), 400, "Unsupported protocol version"),
        (upgrade_request(&format!("{WEBSOCKET}&sid=AAAAAAAAAAAAAAAAAAAA")), 400, "Session ID unknown"),
        (upgrade_request(&format!("{PATH}?EIO=4&transport=nope")), 400, "Transport unknown"),
        (
            upgrade_request(WEBSOCKET).replace("version: 13", "version: 12"),
            400,
            "Missing or invalid Sec-WebSocket-Version header",
        ),
        (upgrade_request(WEBSOCKET).replace("ZQ==", "Z"), 400, "Missing or invalid Sec-WebSocket-Key header"),
    ] {
        let mut http = Http::connect(server.address).await;
        http.write(request.as_bytes()).await;
        let answer = http.answer().await;
        assert_eq!((answer.status, answer.text()), (status, body));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("content-type"), Some("text/html"));
    }
    assert_eq!(server.engine.session_count(), 0);
}

#[tokio::test]
async fn a_websocket_that_asks_for_polling_is_closed_at_once() {
    let server = served(quick()).await;
    let poller = server.poller().await;
    for target in [format!("{PATH}?EIO=4&transport=polling"), poller.target()] {
        let mut ws = connect(server.address, &target).await;
        assert!(is_ended(&mut ws).await);
    }
    assert_eq!(server.engine.session_count(), 1);
}

#[tokio::test]
async fn a_poll_that_only_says_connection_upgrade_is_a_poll() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    poller.post("4x").await;
    let target = poller.target();
    let answer = poller.polls.request("GET", &target, &[("connection", "upgrade")], b"").await;
    assert_eq!(answer.text(), "4x");
}

#[tokio::test]
async fn long_answers_are_compressed_as_the_client_likes_it() {
    let mut server = served(quick()).await;
    let mut poller = server.poller().await;
    let link = server.opened().await;
    let target = poller.target();
    // One that is compressed where it is answered, and one on a thread of its own.
    for len in [2_000, 300_000] {
        let message = "compress me ".repeat(len / 12);
        for (accepted, coding) in [("gzip, deflate, br", Some("gzip")), ("deflate", Some("deflate")), ("br", None)] {
            tell(&link, &Encoded::text(&message));
            let answer = poller.polls.request("GET", &target, &[("accept-encoding", accepted)], b"").await;
            assert_eq!(answer.header("content-encoding"), coding);
            let mut plain = String::new();
            match coding {
                Some("gzip") => GzDecoder::new(&answer.body[..]).read_to_string(&mut plain).unwrap(),
                Some(_) => ZlibDecoder::new(&answer.body[..]).read_to_string(&mut plain).unwrap(),
                None => answer.body.as_slice().read_to_string(&mut plain).unwrap(),
            };
            assert_eq!(plain[1..], message, "{accepted}");
        }
    }
    tell(&link, &Encoded::text("short"));
    let answer = poller.polls.request("GET", &target, &[("accept-encoding", "gzip")], b"").await;
    assert_eq!((answer.header("content-encoding"), answer.text()), (None, "4short"));
}

#[tokio::test]
async fn the_cookie_is_set_once_by_the_answer_that_opens() {
    let server = served(quick_with(|config| config.cookie = Some(CookieConfig::default()))).await;
    let mut http = Http::connect(server.address).await;
    let opened = http.get(&format!("{PATH}?EIO=4&transport=polling")).await;
    let cookie = opened.header("set-cookie").unwrap();
    assert!(cookie.starts_with("io=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(opened.text().contains(&cookie[3..23]));
    let mut poller = Poller::open(server.address, PATH).await;
    assert_eq!(poller.post("4x").await.header("set-cookie"), None);
    assert_eq!(poller.poll_answer().await.header("set-cookie"), None);
}

#[tokio::test]
async fn without_cors_a_page_of_another_origin_may_nothing() {
    let server = served(quick()).await;
    let mut http = Http::connect(server.address).await;
    let target = format!("{PATH}?EIO=4&transport=polling");
    for (origin, status) in [("http://evil.example", 403), ("null", 403), ("http://test", 200), ("https://test", 200)] {
        let answer = http.request("GET", &target, &[("origin", origin)], b"").await;
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        if status == 403 {
            assert_eq!(answer.text(), r#"{"code":4,"message":"Origin not allowed"}"#);
        }
    }
    assert_eq!(server.engine.refusal_counts()["foreign_origin"], 2);
    assert_eq!(server.engine.session_count(), 2);
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_join_in_on_a_session_either() {
    let server = served(quick()).await;
    let mut poller = server.poller().await;
    // Opened by a script element: that names no origin, and the answer can be read where it was asked for.
    let evil = [("origin", "http://evil.example")];
    let posted = poller.posts.request("POST", &poller.target(), &evil, b"4x").await;
    assert_eq!(posted.status, 403);
    let mut http = Http::connect(server.address).await;
    assert_eq!(http.request("GET", &poller.target(), &evil, b"").await.status, 403);
    for target in [poller.websocket_target(), WEBSOCKET.to_owned()] {
        let mut http = Http::connect(server.address).await;
        let request = upgrade_request(&target).replacen("\r\n", "\r\norigin: http://evil.example\r\n", 1);
        http.write(request.as_bytes()).await;
        let answer = http.answer().await;
        assert_eq!((answer.status, answer.text()), (403, "Origin not allowed"));
        http.end().await;
    }
    assert_eq!(poller.post("4by its own page").await.status, 200);
    assert_eq!(poller.poll_answer().await.text(), "4by its own page");
}

#[tokio::test]
async fn what_is_not_enforced_lets_every_page_in() {
    let server = served(quick_with(|config| config.origin.is_enforced = false)).await;
    let mut http = Http::connect(server.address).await;
    let target = format!("{PATH}?EIO=4&transport=polling");
    let answer = http.request("GET", &target, &[("origin", "http://evil.example")], b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
}

#[tokio::test]
async fn a_refused_upgrade_has_no_cors_headers() {
    let cors = CorsConfig::new(CorsOrigins::Any);
    let server = served(quick_with(|config| config.cors = Some(cors))).await;
    for (target, status, allowed) in [(WEBSOCKET, 101, Some("*")), ("/engine.io/?EIO=4&transport=x", 400, None)] {
        let mut http = Http::connect(server.address).await;
        let request = upgrade_request(target).replacen("\r\n", "\r\norigin: http://a.example\r\n", 1);
        http.write(request.as_bytes()).await;
        let answer = http.answer().await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, allowed));
    }
}

#[tokio::test]
async fn with_cors_every_answer_says_so_errors_and_preflights_too() {
    let mut cors = CorsConfig::new(CorsOrigins::List(vec!["http://a.example".into()]));
    cors.credentials = true;
    let server = served(quick_with(|config| config.cors = Some(cors))).await;
    let mut http = Http::connect(server.address).await;
    let from = |origin| [("origin", origin), ("access-control-request-headers", "x-a")];
    for (method, query, status) in
        [("GET", "?EIO=4&transport=polling", 200), ("GET", "?EIO=4&transport=nope", 400), ("OPTIONS", "", 204)]
    {
        let answer = http.request(method, &format!("{PATH}{query}"), &from("http://a.example"), b"").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("http://a.example"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert!(answer.header("vary").unwrap().contains("Origin"));
        if method == "OPTIONS" {
            assert_eq!(answer.header("access-control-allow-headers"), Some("x-a"));
        }
        let answer = http.request(method, &format!("{PATH}{query}"), &from("http://b.example"), b"").await;
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_server_that_is_full_answers_503_until_somebody_leaves() {
    let server = served(quick_with(|config| config.sessions_max = 2)).await;
    let mut poller = server.poller().await;
    let _ws = server.websocket().await;
    for upgrade in [false, true] {
        let mut http = Http::connect(server.address).await;
        if upgrade {
            http.write(upgrade_request(WEBSOCKET).as_bytes()).await;
        } else {
            http.send("GET", &format!("{PATH}?EIO=4&transport=polling"), &[], b"").await;
        }
        assert_eq!(http.answer().await.status, 503);
    }
    assert_eq!(server.engine.refusal_counts()["full"], 2);
    poller.post("1").await;
    crate::support::eventually("there is room", || server.engine.session_count() == 1).await;
    server.poller().await;
}

#[tokio::test]
async fn a_transport_that_is_not_offered_is_unknown() {
    let server = served(quick_with(|config| config.transports = vec![Transport::Polling])).await;
    assert!(server.poller().await.opening.contains(r#""upgrades":[]"#));
    let mut http = Http::connect(server.address).await;
    http.write(upgrade_request(WEBSOCKET).as_bytes()).await;
    assert_eq!(http.answer().await.status, 400);

    let server = served(quick_with(|config| config.transports = vec![Transport::WebSocket])).await;
    server.websocket().await;
    let mut http = Http::connect(server.address).await;
    assert_eq!(http.get(&format!("{PATH}?EIO=4&transport=polling")).await.status, 400);
}
