//! The binary's subcommands that say something about it: for shells, for `man`, and for whoever watches.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

#[test]
fn completions_are_printed_for_each_shell_and_bash_understands_its_own() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = fanfare(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        for word in ["cors-origin", "health", "completions"] {
            assert!(text(&output.stdout).contains(word), "{shell}: {word}");
        }
    }
    let script = fanfare(&["completions", "bash"]).stdout;
    // It is read, and then completes a word: COMP_WORDS and COMP_CWORD are how bash asks.
    let asks = "\nCOMP_WORDS=(fanfare comp); COMP_CWORD=1; _fanfare fanfare comp fanfare; echo \"${COMPREPLY[*]}\"\n";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-s"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut bash = bash.spawn().expect("bash is there");
    let mut stdin = bash.stdin.take().expect("it is piped");
    stdin.write_all(&[&script, asks.as_bytes()].concat()).expect("bash reads");
    drop(stdin);
    let output = bash.wait_with_output().expect("bash ends");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("completions\n", ""));
}

#[test]
fn the_manual_page_has_every_flag_and_subcommand() {
    let output = fanfare(&["man"]);
    assert_eq!(output.status.code(), Some(0));
    let page = text(&output.stdout).replace("\\-", "-");
    assert!(page.contains(".TH fanfare 1"), "{page}");
    for word in [
        "--config",
        "--listen",
        "--cors-origin",
        "--log-format",
        "\nfanfare check\n",
        "\nfanfare health\n",
        "\nfanfare listen\n",
    ] {
        assert!(page.contains(word), "{word} in {page}");
    }
    assert!(!page.contains("(1)"), "there is no other page: {page}");
}

#[test]
fn neither_asks_for_a_configuration() {
    for command in [&["man"][..], &["completions", "zsh"]] {
        let output = fanfare(&[command, &["--config", "/nowhere.toml"]].concat());
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    }
}

#[test]
fn a_healthy_relay_is_known_by_its_url_and_by_its_configuration() {
    let (_relay, url) = relay();
    let listen = url.strip_prefix("http://").expect("it is a URL");
    for arguments in
        [["health", &url], ["health", &format!("{url}/healthz")], ["health", &format!("--listen={listen}")]]
    {
        let output = fanfare(&arguments);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn who_is_not_healthy_is_said_with_status_1() {
    let (_relay, url) = relay();
    for (arguments, why) in [
        // TCPMUX: a port that the kernel gives nobody by itself, as it might one that was free a moment ago.
        (["health", "http://127.0.0.1:1"], "refused"),
        (["health", &format!("{url}/other")], "404"),
        (["health", "ftp://x"], "expected a URL"),
        (["health", "--listen=127.0.0.1:0"], "say the URL"),
        (["health", "--listen=x"], "--listen: expected"),
        (["health", &answering("SSH-2.0-x\r\n")], "no answer in HTTP"),
        (["health", &answering("HTTP/1.1 503 X\r\n\r\ndraining\n")], "503: draining"),
    ] {
        let output = fanfare(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("fanfare: ") && said.contains(why), "{arguments:?}: {said}");
    }
}

#[test]
fn who_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let output = fanfare(&["health", &format!("http://{}", silent.local_addr().expect("it is bound"))]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no answer within 2 s"), "{}", text(&output.stderr));
}

/// A server that says this to whoever comes first.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
    });
    url
}

/// A relay on a port of its own, and its URL.
fn relay() -> (Stopped, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(["--listen", "127.0.0.1:0", "--log", "off"]).env_clear().stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it listens");
    let url = line.trim().strip_prefix("listening on ").expect("that is the line").to_owned();
    (Stopped(child), url)
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fanfare(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(arguments).env_clear().output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it prints text")
}
