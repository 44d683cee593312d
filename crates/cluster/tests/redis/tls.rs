//! Over TLS, with a certificate authority of the test's own.

use std::path::Path;
use std::process::{Command, Stdio};

use fanfare_cluster::{ClusterConfig, LinkNotice, Notice, Pem};

use crate::node::Node;
use crate::server::{Redis, free_port};

fn openssl(directory: &Path, arguments: &str) {
    let status = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("`openssl` is needed").success(), "openssl {arguments}");
}

/// An authority, and a certificate for `localhost` and for a client, of one key.
fn certificates(directory: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(directory, &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca"));
    std::fs::write(directory.join("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(
        directory,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out csr -subj /CN=x",
    );
    openssl(
        directory,
        "x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem",
    );
}

#[tokio::test]
async fn both_ends_are_known_by_their_certificates() {
    let port = free_port();
    let port_text = port.to_string();
    let arguments = [
        "--port",
        "0",
        "--tls-port",
        &port_text,
        "--tls-cert-file",
        "{}/server.pem",
        "--tls-key-file",
        "{}/server.key",
        "--tls-ca-cert-file",
        "{}/ca.pem",
        "--tls-auth-clients",
        "yes",
    ];
    let redis = Redis::prepared(&arguments, certificates).begun().await;
    let file = |name: &str| Pem::File(redis.directory().join(name));
    let mut config = ClusterConfig::at(format!("rediss://localhost:{port}"));
    config.ca = Some(file("ca.pem"));
    let without = config.clone();
    config.client_certificate = Some((file("server.pem"), file("server.key")));
    let (f, g) = (Node::joined(config.clone()).await, Node::joined(config.clone()).await);
    let mut client = g.client().await;
    f.server.of("/").unwrap().emit("x", ()).unwrap();
    assert_eq!(client.hears().await, r#"42["x"]"#);
    // Nobody whom the system trusts signed it; and who does not introduce itself is not let in.
    config.ca = Some(Pem::Text(std::fs::read(redis.directory().join("server.pem")).unwrap()));
    for config in [config, without] {
        let mut node = Node::start(config).await;
        let notice = node.noted(|notice| matches!(notice, Notice::Link(LinkNotice::Waiting(_)))).await;
        assert!(notice.to_string().contains("connect"), "{notice}");
        assert!(!node.cluster.is_ready());
    }
}
