//! The client bundle, served by the server.

use std::fs;

use fanfare_socketio::ClientBundle;
use fanfare_socketio::engineio::{CorsConfig, CorsOrigins};

use crate::app::{building, listening, quick};
use crate::client::{Client, PATH};
use crate::support::Http;

#[tokio::test]
async fn the_client_bundle_is_served_under_the_server_s_path() {
    let folder = std::env::temp_dir().join(format!("fanfare-served-bundle-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("socket.io.js"), "const io = 1;").unwrap();
    fs::write(folder.join("secret.js"), "const secret = 1;").unwrap();
    let bundle = ClientBundle::read(&folder).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((bundle.len(), bundle.is_empty()), (1, false));

    let mut config = quick();
    config.engine.cors = Some(CorsConfig::new(CorsOrigins::Any));
    let (builder, _told, _) = building(config);
    let server = builder.client_bundle(bundle).build();
    let address = listening(&server).await;
    let mut http = Http::connect(address).await;
    let file = http.get(&format!("{PATH}socket.io.js?v=1")).await;
    assert_eq!((file.status, file.text()), (200, "const io = 1;"));
    assert_eq!(file.header("access-control-allow-origin"), Some("*"));
    let etag = file.header("etag").unwrap().to_owned();
    let known = http.request("GET", &format!("{PATH}socket.io.js"), &[("if-none-match", &etag)], b"").await;
    assert_eq!((known.status, known.text()), (304, ""));
    for (method, target) in [
        ("POST", format!("{PATH}socket.io.js")),
        ("GET", format!("{PATH}secret.js")),
        ("GET", format!("{PATH}../socket.io.js")),
    ] {
        assert_eq!(http.request(method, &target, &[], b"").await.status, 400, "{method} {target}");
    }
    assert_eq!(http.get("/socket.io.js").await.status, 404);
    Client::join(address).await.0.has_got_nothing().await;
}
