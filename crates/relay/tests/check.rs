//! The binary itself: what it prints about its configuration, where, and with which status.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

#[test]
fn check_says_that_a_valid_configuration_is_valid() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/relay.toml");
    for arguments in [["check", "--config", example], ["--config", example, "check"]] {
        let output = fanfare(&arguments, &[]);
        assert_eq!(output.status.code(), Some(0));
        let expected = "fanfare: the configuration is valid\n\
            fanfare: an end with clients takes at most 35 s (5 s wait, 25 s spread, 5 s for whoever is left)\n";
        assert_eq!(text(&output.stdout), expected);
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn check_and_start_print_each_problem_on_a_line_and_exit_with_2() {
    let file = scratch("both", "path = '/x'\n\n[engine]\nping_interval_ms = '25s'\n");
    for command in [&["check"][..], &[]] {
        let arguments = [command, &["--config", file.to_str().unwrap(), "--log-format", "xml"]].concat();
        let output = fanfare(&arguments, &[("FANFARE_TRANSPORTS", "carrier-pigeon")]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stdout), "");
        let expected = format!(
            "fanfare: {file}:1:1: path: expected a path that starts and ends with `/`, such as /socket.io/, found \"/x\"\n\
             fanfare: {file}:4:1: engine.ping_interval_ms: expected a whole number of milliseconds from 1 to 86400000, \
             found \"25s\"\n\
             fanfare: FANFARE_TRANSPORTS: expected \"polling\", \"websocket\" or both, found \"carrier-pigeon\"\n\
             fanfare: --log-format: expected \"text\" or \"json\", found \"xml\"\n",
            file = file.display()
        );
        assert_eq!(text(&output.stderr), expected);
    }
}

#[test]
fn a_warning_goes_to_stderr_and_is_no_failure() {
    let output = fanfare(&["check", "--rule", "say@room:lobby"], &[]);
    assert_eq!(output.status.code(), Some(0));
    let expected = "fanfare: warning: --rule: room \"lobby\" of namespace \"/\" is a target, but no rule joins it\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn check_fails_where_a_start_would() {
    // A file of the bundle that cannot be read, whoever asks: a link to nowhere.
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("unreadable-bundle");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("a scratch folder can be made");
    fs::write(folder.join("socket.io.js"), "").expect("a scratch file can be written");
    symlink("nowhere", folder.join("socket.io.min.js")).expect("a link can be made");
    let bundle = folder.to_str().expect("a path in UTF-8");
    // TEST-NET-1 of RFC 5737 is nobody's.
    for (arguments, message) in [
        (["--client-dir", bundle], "cannot read the client bundle"),
        (["--listen", "192.0.2.1:3000"], "cannot listen on 192.0.2.1:3000: this machine has no such address"),
    ] {
        let started = fanfare(&arguments, &[("FANFARE_LISTEN", "127.0.0.1:0")]);
        let checked = fanfare(&[&["check"], &arguments[..]].concat(), &[]);
        for output in [started, checked] {
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
        }
    }
}

#[test]
fn a_taken_address_is_a_warning_of_check_and_the_end_of_a_start() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = other.local_addr().expect("it is bound").to_string();
    let taken = format!("cannot listen on {address}: the port is taken by another program\n");
    let checked = fanfare(&["check", "--listen", &address], &[]);
    assert_eq!(checked.status.code(), Some(0));
    assert_eq!(text(&checked.stderr), format!("fanfare: warning: {taken}"));
    let started = fanfare(&["--listen", &address], &[]);
    assert_eq!(started.status.code(), Some(2));
    // The log may have something to say before.
    assert!(text(&started.stderr).ends_with(&format!("fanfare: {taken}")), "{}", text(&started.stderr));
}

#[test]
fn an_unknown_flag_exits_with_2_and_names_the_one_meant() {
    let output = fanfare(&["--listn", "127.0.0.1:0"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--listen"));
}

#[test]
fn version_and_help_are_printed() {
    let version = fanfare(&["--version"], &[]);
    assert_eq!(text(&version.stdout), format!("fanfare {}\n", env!("CARGO_PKG_VERSION")));
    let help = fanfare(&["--help"], &[]);
    assert_eq!(help.status.code(), Some(0));
    for flag in ["--config", "--listen", "--path", "--cors-origin", "--rule", "--client-dir", "--log", "--log-format"] {
        assert!(text(&help.stdout).contains(flag), "{flag}");
    }
}

fn fanfare(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it prints text")
}

fn scratch(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    fs::write(&path, content).expect("a scratch file can be written");
    path
}
