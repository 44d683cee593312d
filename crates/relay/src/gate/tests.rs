//! Handshakes, as clients make them.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use http::{Request, Response, header};
use http_body_util::BodyExt;
use policy::{AddressLimits, Rate};
use socketio::engineio::PeerAddr;
use socketio::{Body, Server, ServerConfig};
use tokio::time::{advance, timeout};

use super::*;
use crate::config::NodeLimits;

#[tokio::test(start_paused = true)]
async fn who_comes_when_too_many_come_is_told_to_come_back_and_then_may() {
    let server = server(Limits { node: node(2), ..Limits::default() }, None);
    for address in [1, 2] {
        assert_eq!(open(&server, address).await.status(), 200);
    }
    let refused = open(&server, 3).await;
    assert_eq!(refused.status(), 503);
    assert!((1..=5).contains(&retry_after(&refused)));
    assert_eq!(server.refusal_counts()["unavailable"], 1);
    advance(Duration::from_secs(1)).await;
    assert_eq!(open(&server, 3).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_comes_too_often_is_told_so_and_takes_nothing_from_others() {
    let mut address = AddressLimits::default();
    address.handshakes = Rate::new(1, Some(2));
    let server = server(Limits { address, node: node(4), ..Limits::default() }, None);
    let mut refused = 0;
    for _ in 0..100 {
        let answer = open(&server, 1).await;
        if answer.status() != 200 {
            assert_eq!((answer.status().as_u16(), retry_after(&answer)), (429, 1));
            refused += 1;
        }
    }
    assert_eq!((refused, server.refusal_counts()["too_many"]), (98, 98));
    for other in [2, 3] {
        assert_eq!(open(&server, other).await.status(), 200);
    }
    advance(Duration::from_secs(1)).await;
    assert_eq!(open(&server, 1).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_address_has_so_many_connections_until_one_ends() {
    let server = server(Limits { address: one_connection(), ..Limits::default() }, None);
    let opened = open(&server, 1).await;
    assert_eq!(opened.status(), 200);
    let refused = open(&server, 1).await;
    assert_eq!(refused.status(), 429);
    assert!((1..=5).contains(&retry_after(&refused)));
    assert_eq!(open(&server, 2).await.status(), 200);

    let close = format!("/socket.io/?EIO=4&transport=polling&sid={}", sid(opened).await);
    let closed = server.call(Request::post(close).body("1".to_owned()).unwrap()).await;
    assert_eq!(closed.status(), 200);
    let opened_again = async { while open(&server, 1).await.status() != 200 {} };
    timeout(Duration::from_secs(10), opened_again).await.expect("its place is free again");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_to_be_is_not_counted() {
    let gate = Gate::new(&Limits { address: one_connection(), node: node(1), ..Limits::default() }, &engine(), now());
    let first = gate.pass(address(1), now()).unwrap();
    assert!(matches!(gate.pass(address(2), now()), Err(Busy::Node(_))), "too many for all");
    advance(Duration::from_secs(1)).await;
    let second = gate.pass(address(2), now()).expect("nothing is left of the attempt");
    assert!(matches!(gate.pass(address(2), now()), Err(Busy::Address(_))));
    drop((first, second));
    advance(Duration::from_secs(1)).await;
    assert!(gate.pass(address(1), now()).is_ok());
}

#[test]
fn other_limits_hold_for_who_is_connected_and_what_is_counted_goes_on() {
    let now = Instant::now();
    let limits =
        |connections, per_s| Limits { address: connections_max(connections), node: node(per_s), ..Limits::default() };
    let gate = Gate::new(&limits(2, 3), &engine(), now);
    let passes: Vec<_> = (0..2).map(|_| gate.pass(address(1), now).unwrap()).collect();
    let succeed = |gate: &Arc<Gate>, limits: &Limits| {
        let next = gate.succeed(limits, &engine(), now);
        next.take_over();
        next
    };
    let more = succeed(&gate, &limits(3, 3));
    let third = more.pass(address(1), now).expect("three may be");
    assert!(matches!(more.pass(address(1), now), Err(Busy::Address(_))));
    assert!(matches!(more.pass(address(2), now), Err(Busy::Node(_))), "three have come in this second");
    let less = succeed(&more, &limits(2, 100));
    drop(third);
    assert!(matches!(less.pass(address(1), now), Err(Busy::Address(_))), "two are there still");
    drop(passes);
    assert!(less.pass(address(1), now).is_ok(), "they were counted, and are no more");
    let none = succeed(&less, &Limits { node: node(100), ..Limits::default() });
    assert!((0..50).all(|_| none.pass(address(1), now).is_ok()));
}

#[tokio::test]
async fn while_nobody_can_be_let_in_everybody_is_told_when_to_come_back() {
    let server = server(Limits::default(), Some(Duration::from_secs(4)));
    let refused = open(&server, 1).await;
    assert_eq!((refused.status().as_u16(), retry_after(&refused)), (503, 4));
}

#[test]
fn a_connection_costs_a_few_bytes_and_none_where_there_is_nothing_to_count() {
    assert!(size_of::<Pass>() <= 24, "{}", size_of::<Pass>());
    let mut engine = engine();
    engine.trusted_proxies = ["10.0.0.1".parse().unwrap()].into_iter().collect();
    let mut address_limits = AddressLimits::default();
    address_limits.handshakes = Rate::new(5, None);
    let gate = Gate::new(&Limits { address: address_limits, ..Limits::default() }, &engine, Instant::now());
    assert!(gate.pass(address(1), Instant::now()).unwrap().is_none());
}

fn server(limits: Limits, down: Option<Duration>) -> Server {
    let gate = Gate::new(&limits, &engine(), now());
    let builder = Server::builder(ServerConfig::default());
    builder.on_handshake(move |handshake| gate.decide(handshake.address, down, now())).build()
}

async fn open(server: &Server, number: u8) -> Response<Body> {
    let peer = PeerAddr(SocketAddr::new(address(number).unwrap(), 1));
    let request = Request::get("/socket.io/?EIO=4&transport=polling").extension(peer).body(String::new());
    server.call(request.unwrap()).await
}

/// The id of the session that an answer opened.
async fn sid(opened: Response<Body>) -> String {
    let body = opened.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    body.split('"').nth(3).unwrap().to_owned()
}

fn retry_after(response: &Response<Body>) -> u64 {
    response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

fn engine() -> EngineConfig {
    ServerConfig::default().engine
}

fn node(handshakes_per_s: u32) -> NodeLimits {
    NodeLimits { handshakes_per_s: NonZeroU32::new(handshakes_per_s) }
}

fn one_connection() -> AddressLimits {
    connections_max(1)
}

fn connections_max(connections: u32) -> AddressLimits {
    let mut limits = AddressLimits::default();
    limits.connections_max = NonZeroU32::new(connections);
    limits
}

fn address(number: u8) -> Option<IpAddr> {
    Some([192, 0, 2, number].into())
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
