//! The routes, asked as from outside.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use ::cluster::{Cluster, ClusterConfig};
use axum::Router;
use http::{Response, header};
use http_body_util::BodyExt;
use socketio::{Admission, ConnectRequest, Member, Namespace, NoPeerAddr, ServerConfig};

use super::*;
use crate::admin::{self, Admin, AdminMetrics};
use crate::api::ApiMetrics;
use crate::auth::Authenticator;
use crate::auth::config::AuthConfig;
use crate::config::{self, Config};
use crate::drain::DrainConfig;
use crate::readiness::Unready;
use crate::relay::Live;
use crate::reload::{Refused, Report, Why};
use crate::serve::first_generation;

struct Silent;

impl Namespace for Silent {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Self)
    }
}

impl Member for Silent {}

struct World {
    server: Server,
    readiness: Arc<Readiness>,
    drain: Arc<Drain>,
    router: Router,
}

/// In virtual time.
fn quick() -> DrainConfig {
    DrainConfig { wait: Duration::from_secs(5), spread: Duration::from_secs(10), ..DrainConfig::default() }
}

fn world(token: Option<&str>) -> World {
    let server = Server::builder(ServerConfig::default())
        .namespace("/", Silent)
        .unwrap()
        .namespace("/\"x\"", Silent)
        .unwrap()
        .build();
    let (readiness, requests) = (Arc::<Readiness>::default(), Arc::<Requests>::default());
    let stage = Stage { name: "http", counts: Box::new(|| [("full", 0)].into()) };
    let metrics = Metrics { server: server.clone(), refusals: vec![stage], requests: Arc::clone(&requests) };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics));
    registry.register_collector(Box::new(Process::of_now()));
    let authenticator = Authenticator::new(&AuthConfig::default());
    registry.register_collector(Box::new(AuthMetrics(Box::new(move || authenticator.clone()))));
    let live = Live::new(first_generation(&Config::default()));
    let admin = Admin::new(&Config::default(), &live, None, admin::development());
    registry.register_collector(Box::new(AdminMetrics(admin)));
    let token = TokenNow::new(token.and_then(Token::new));
    let mut attempts = 0;
    // In turn.
    let reloader = Reloader::new(move || {
        attempts += 1;
        let problems = vec!["relay.toml:1:1: no".to_owned()];
        match attempts % 3 {
            1 => Err(Refused { why: Why::Wrong, problems }),
            2 => Err(Refused { why: Why::NeedsRestart, problems }),
            _ => Ok(Report { changes: vec!["a: 1 -> 2".to_owned()], warnings: vec![] }),
        }
    });
    registry.register_collector(Box::new(ReloadMetrics(Arc::clone(&reloader))));
    registry.register_collector(Box::new(RuleMetrics(Arc::default())));
    registry.register_collector(Box::new(ApiMetrics(Arc::default())));
    // Of one that nobody has joined.
    let cluster = Cluster::new(ClusterConfig::at("redis://127.0.0.1:1")).unwrap();
    registry.register_collector(Box::new(ClusterMetrics(cluster)));
    let drain = Drain::new(server.clone(), Arc::clone(&readiness), quick());
    let (kept, readiness_kept) = (Arc::clone(&drain), Arc::clone(&readiness));
    let held = Held::new(config::load(None, [], &[]).unwrap().effective);
    let ops = Ops { server: server.clone(), registry, requests, readiness, drain, reloader, held, token };
    World { server, readiness: readiness_kept, drain: kept, router: router(ops) }
}

impl World {
    async fn asked(&self, path: &str) -> (u16, String) {
        self.asked_with(path, "").await
    }

    async fn asked_with(&self, path: &str, authorization: &str) -> (u16, String) {
        self.sent(Request::get(path).header(header::AUTHORIZATION, authorization)).await
    }

    async fn sent(&self, request: http::request::Builder) -> (u16, String) {
        let request = request.body(Body::empty()).unwrap();
        let response: Response<Body> = self.router.clone().call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A value of the page, by its name and labels as they stand there.
    async fn value(&self, sample: &str) -> f64 {
        let (_, page) = self.asked("/metrics").await;
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{page}")).parse().unwrap()
    }

    async fn connect(&self) -> Response<socketio::Body> {
        let request =
            Request::get("/socket.io/?EIO=4&transport=polling").extension(NoPeerAddr).body(String::new()).unwrap();
        let response = self.server.call(request).await;
        assert_eq!(response.status(), 200);
        response
    }
}

#[tokio::test]
async fn a_relay_is_ready_between_its_start_and_its_end_and_lives_all_the_time() {
    let world = world(None);
    assert_eq!(world.asked("/readyz").await, (503, "starting\n".into()));
    world.readiness.set(Unready::Starting, false);
    assert_eq!(world.asked("/readyz").await, (200, "ready\n".into()));
    world.readiness.set(Unready::Draining, true);
    assert_eq!(world.asked("/readyz").await, (503, "draining\n".into()));
    world.server.close();
    assert_eq!(world.asked("/healthz").await, (200, "ok\n".into()));
    world.readiness.set(Unready::Draining, false);
    assert_eq!(world.asked("/readyz").await, (503, "draining\n".into()), "the server itself says so");
}

#[tokio::test]
async fn the_metrics_are_for_those_who_show_the_token_and_the_probes_for_all() {
    let world = world(Some("sesame"));
    world.readiness.set(Unready::Starting, false);
    assert_eq!(world.asked("/metrics").await.0, 401);
    assert_eq!(world.asked_with("/metrics", "Bearer sesam").await.0, 401);
    let (status, page) = world.asked_with("/metrics", "Bearer sesame").await;
    assert_eq!(status, 200);
    assert!(page.contains("fanfare_ops_requests_total{route=\"/metrics\",code=\"401\"} 2\n"), "{page}");
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(world.asked(probe).await.0, 200);
    }
    assert_eq!(world.asked("/somewhere").await.0, 404);
    let (_, page) = world.asked_with("/metrics", "Bearer sesame").await;
    assert!(page.contains("fanfare_ops_requests_total{route=\"none\",code=\"404\"} 1\n"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_leaves_when_it_is_asked_to_and_is_back_when_that_is_taken_back() {
    let world = world(None);
    world.readiness.set(Unready::Starting, false);
    for _ in 0..20 {
        world.connect().await;
    }
    let state = |state: &str, sessions, elapsed: &str| {
        (200, format!("{{\"state\":\"{state}\",\"sessions\":{sessions},\"exits\":false,\"elapsed_s\":{elapsed}}}\n"))
    };
    assert_eq!(world.asked("/drain").await, state("serving", 20, "null"));
    assert_eq!(world.sent(Request::post("/drain")).await, state("waiting", 20, "0"));
    assert_eq!(world.asked("/readyz").await, (503, "draining\n".into()));
    world.connect().await;
    // By a reload: it goes on as it began.
    world.drain.configure(DrainConfig { spread: Duration::from_secs(1000), ..quick() });
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.sent(Request::post("/drain")).await.1[..20], state("spreading", 0, "").1[..20], "it has begun");
    let left = world.server.connection_count();
    assert!((9..=13).contains(&left), "half of them: {left}");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(world.asked("/drain").await, state("drained", 0, "16"));
    let refused =
        Request::get("/socket.io/?EIO=4&transport=polling").extension(NoPeerAddr).body(String::new()).unwrap();
    assert_eq!(world.server.call(refused).await.status(), 503);
    assert_eq!(world.sent(Request::delete("/drain")).await, state("serving", 0, "null"));
    assert_eq!(world.asked("/readyz").await, (200, "ready\n".into()));
    world.connect().await;
    assert_eq!(world.sent(Request::delete("/drain")).await, state("serving", 1, "null"), "again, it changes nothing");
    world.drain.begin_for_good();
    let (status, body) = world.sent(Request::delete("/drain")).await;
    assert_eq!((status, body.contains("\"exits\":true")), (409, true), "{body}");
    assert_eq!(world.asked("/readyz").await, (503, "draining\n".into()));
}

#[tokio::test]
async fn no_web_page_makes_a_relay_leave_and_nobody_without_the_token() {
    let world = world(Some("sesame"));
    let ask = || Request::post("/drain").header(header::AUTHORIZATION, "Bearer sesame");
    assert_eq!(world.sent(Request::post("/drain")).await.0, 401);
    assert_eq!(world.sent(Request::delete("/drain")).await.0, 401);
    assert_eq!(world.sent(ask().header(header::ORIGIN, "http://127.0.0.1:9300")).await.0, 403);
    assert_eq!(world.drain.progress().elapsed_s, None);
    assert_eq!(world.sent(ask()).await.0, 200);
    assert_eq!(world.drain.progress().elapsed_s, Some(0));
}

#[tokio::test]
async fn a_reload_says_what_it_did_or_why_not_and_readiness_and_metrics_say_how_it_went() {
    let world = world(Some("sesame"));
    world.readiness.set(Unready::Starting, false);
    let ask = || Request::post("/reload").header(header::AUTHORIZATION, "Bearer sesame");
    assert_eq!(world.sent(Request::post("/reload")).await.0, 401);
    assert_eq!(world.sent(ask().header(header::ORIGIN, "http://127.0.0.1:9300")).await.0, 403);
    assert_eq!(world.asked("/readyz").await, (200, "ready\n".into()));
    let wrong = r#"{"problems":["relay.toml:1:1: no"]}"#;
    for (status, body, succeeded) in
        [(422, wrong, 0), (409, wrong, 0), (200, r#"{"changes":["a: 1 -> 2"],"warnings":[]}"#, 1)]
    {
        assert_eq!(world.sent(ask()).await, (status, format!("{body}\n")));
        let more = if succeeded == 0 { "the last reload was refused\n" } else { "" };
        assert_eq!(world.asked("/readyz").await, (200, format!("ready\n{more}")));
        let (_, page) = world.asked_with("/metrics", "Bearer sesame").await;
        assert!(page.contains(&format!("fanfare_config_last_reload_success {succeeded}\n")), "{page}");
    }
}

#[tokio::test]
async fn as_many_are_open_as_were_opened_and_not_closed() {
    let world = world(None);
    for _ in 0..3 {
        world.connect().await;
    }
    assert_eq!(world.value("fanfare_sessions{transport=\"polling\"}").await, 3.0);
    assert_eq!(world.value("fanfare_sessions_opened_total{transport=\"polling\"}").await, 3.0);
    assert!(world.value("fanfare_sent_bytes_total{transport=\"polling\"}").await > 300.0);
    assert_eq!(world.value("fanfare_sockets{namespace=\"/\\\"x\\\"\"}").await, 0.0);
    for reason in socketio::engineio::proto::CloseReason::LABELS {
        assert_eq!(world.value(&format!("fanfare_sessions_closed_total{{reason=\"{reason}\"}}")).await, 0.0);
    }
    let sent = world.value("fanfare_sent_bytes_total{transport=\"polling\"}").await;
    world.server.close();
    world.server.drained().await;
    assert_eq!(world.value("fanfare_sessions{transport=\"polling\"}").await, 0.0);
    assert_eq!(world.value("fanfare_sessions_closed_total{reason=\"shutdown\"}").await, 3.0);
    assert_eq!(world.value("fanfare_sent_bytes_total{transport=\"polling\"}").await, sent);
}

#[tokio::test]
async fn looking_at_twenty_thousand_sessions_takes_no_time() {
    // Unoptimised, a microsecond for each would be twenty.
    const MORE: Duration = Duration::from_millis(10);
    let (empty, full) = (world(None), world(None));
    for _ in 0..20_000 {
        full.connect().await;
    }
    let mut best = [Duration::MAX; 2];
    // Whatever else the machine does only makes it slower: on a busy one it takes more looks until both were fast.
    let is_even = async {
        for _ in 0..50 {
            for (world, (count, best)) in [&empty, &full].into_iter().zip([0, 20_000].into_iter().zip(&mut best)) {
                let from = Instant::now();
                let (_, page) = world.asked("/metrics").await;
                *best = from.elapsed().min(*best);
                assert!(page.contains(&format!("fanfare_sessions{{transport=\"polling\"}} {count}\n")), "{page}");
            }
            if best[1] < best[0] * 2 + MORE {
                return true;
            }
        }
        false
    };
    assert!(is_even.await, "{best:?}");
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_exists() {
    let documented: BTreeSet<String> = read("docs/operating.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next().map(str::to_owned))
        .filter(|name| name.starts_with("fanfare_") || name.starts_with("process_"))
        .collect();
    assert_eq!(documented, names().await);
}

#[tokio::test]
async fn dashboards_and_alerts_ask_only_for_what_exists() {
    let names = names().await;
    for (file, least) in [("docs/examples/alerts.yml", 5), ("docs/examples/grafana.json", 10)] {
        let asked = asked_for(&read(file));
        for name in &asked {
            assert!(names.contains(name), "{name} in {file}");
        }
        assert!(asked.len() >= least, "{file}: {asked:?}");
    }
    let dashboard: serde_json::Value = serde_json::from_str(&read("docs/examples/grafana.json")).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<&str> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
}

/// The names of all metrics of a relay that has been asked before.
async fn names() -> BTreeSet<String> {
    let (_, page) = world(None).asked("/metrics").await;
    page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned)).collect()
}

/// The metrics that a text names.
fn asked_for(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let metrics = words.filter(|word| word.starts_with("fanfare_") || word.starts_with("process_"));
    let parts = ["_bucket", "_sum", "_count"];
    metrics.map(|word| parts.iter().find_map(|part| word.strip_suffix(part)).unwrap_or(word).to_owned()).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
