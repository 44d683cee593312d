//! The binary's subcommands that say something about it: for shells, for `man`, and for whoever watches.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

#[test]
fn completions_are_printed_for_each_shell_and_bash_understands_its_own() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = fanfare(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        for word in ["cors-origin", "health", "completions", "defaults", "against"] {
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
        "\nfanfare config\n",
        "\nfanfare listen\n",
    ] {
        assert!(page.contains(word), "{word} in {page}");
    }
    assert!(!page.contains("(1)"), "there is no other page: {page}");
}

#[test]
fn neither_asks_for_a_configuration() {
    for command in [&["man"][..], &["completions", "zsh"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .args(command)
            .env("FANFARE_CONFIG", "/nowhere.toml")
            .output()
            .expect("it starts");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    }
}

#[test]
fn a_setting_of_the_relay_is_wrong_where_none_runs() {
    for (command, name) in [
        (&["key"][..], "key"),
        (&["key", "mine"], "key"),
        (&["password"], "password"),
        (&["man"], "man"),
        (&["completions", "zsh"], "completions"),
        (&["defaults"], "defaults"),
        (&["api", "nodes"], "api"),
    ] {
        for (flag, value) in [("--listen", "127.0.0.1:1"), ("--path", "/x"), ("--config", "/nowhere.toml")] {
            let output = fanfare(&[command, &[flag, value]].concat());
            let said = format!("fanfare: {flag}: a setting of the relay, which `fanfare {name}` does not run\n");
            let told = (output.status.code(), text(&output.stdout), text(&output.stderr));
            assert_eq!(told, (Some(2), "", &*said), "{command:?} {flag}");
        }
        assert_eq!(fanfare(&[command, &["--port", "1"]].concat()).status.code(), Some(2), "{command:?}: there is none");
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

#[test]
fn the_configuration_is_printed_with_where_it_comes_from_and_without_secrets() {
    let file = scratch("printed", "path = '/x/'\n[ops]\nlisten = ['127.0.0.1:0']\ntoken_env = 'TOKEN'\n");
    let at = file.display();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(["config", "--log", "warn", "--config"]).arg(&file);
    command.env_clear().env("TOKEN", "sesame").env("FANFARE_PING_TIMEOUT_MS", "5000");
    let output = command.output().expect("the binary runs");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let page = text(&output.stdout);
    for line in [
        &format!("path = \"/x/\"  # {at}:1"),
        "ping_timeout_ms = 5000  # FANFARE_PING_TIMEOUT_MS",
        "ping_interval_ms = 25000  # default",
        "filter = \"warn\"  # --log",
        &format!("token_env = \"TOKEN\"  # {at}:4"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
    assert!(!page.contains("sesame"), "{page}");
    let json = fanfare(&["config", "--json", "--path", "/y/"]);
    assert!(
        text(&json.stdout).contains("\"key\": \"path\",\n    \"value\": \"\\\"/y/\\\"\",\n    \"from\": \"--path\"")
    );
}

#[test]
fn a_file_to_start_from_is_printed_and_right() {
    let defaults = fanfare(&["defaults"]);
    assert_eq!(defaults.status.code(), Some(0));
    let file = scratch("defaults", text(&defaults.stdout));
    let path = file.to_str().expect("a path in UTF-8");
    let checked = fanfare(&["check", "--listen=127.0.0.1:0", "--config", path]);
    assert_eq!((checked.status.code(), text(&checked.stderr)), (Some(0), ""));
}

#[test]
fn it_is_said_what_a_reload_would_change_and_with_which_status() {
    let file = |name: &str, more: &str| {
        let ops = "[ops]\nlisten = ['127.0.0.1:0']\ntoken_env = 'FANFARE_OPS_TOKEN'\n";
        scratch(name, &format!("{more}\n{ops}"))
    };
    let running = file("running", "limits.client.events_per_s = 1000");
    let (_relay, ops) = relay_with_ops(&running);
    let against = |file: &std::path::Path, token: &str, url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command.args(["check", "--against", url, "--config"]).arg(file);
        command.env_clear().env("FANFARE_OPS_TOKEN", token).output().expect("the binary runs")
    };
    let not_compared = "fanfare: secrets, and what is in files and variables that are named, were not compared\n";
    for (new, status, said) in [
        (
            file("same", "limits = { client = { events_per_s = 0x3e8 } } # else"),
            0,
            "fanfare: a reload would change nothing of this\n",
        ),
        (
            file("slower", "limits.client.events_per_s = 500"),
            0,
            "fanfare: limits.client.events_per_s: 1000 -> 500 (at once)\nfanfare: a reload would be taken\n",
        ),
        (
            file("elsewhere", "path = '/x/'\nlimits.client.events_per_s = 1000\nlog.filter = 'trace'"),
            1,
            "fanfare: path: \"/socket.io/\" -> \"/x/\" (at a restart)\n\
             fanfare: a reload would be refused: path changes only at a restart\n",
        ),
        (
            scratch("opened", "limits.client.events_per_s = 1000\n[ops]\nlisten = ['127.0.0.1:0']"),
            0,
            "fanfare: ops.token_env: \"FANFARE_OPS_TOKEN\" -> none (at once)\nfanfare: a reload would be taken\n",
        ),
    ] {
        let output = against(&new, "sesame", &ops);
        let expected = (Some(status), format!("{said}{not_compared}"), "");
        assert_eq!((output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr)), expected);
    }
    for (new, token, url, why) in [
        (&running, "other", &*ops, "401: it wants the token"),
        (&running, "sesame", "http://127.0.0.1:1", "refused"),
        (&running, "sesame", &format!("{ops}/healthz"), "no answer of a relay"),
        (&file("wrong", "path = 'x'"), "sesame", &ops, "path: expected"),
    ] {
        let output = against(new, token, url);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}

/// A relay with a listener for operators, whose token is `sesame`, and the URL of that.
fn relay_with_ops(file: &std::path::Path) -> (Stopped, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    command.args(["--listen", "127.0.0.1:0", "--log", "off", "--config"]).arg(file);
    command.env_clear().env("FANFARE_OPS_TOKEN", "sesame").stdout(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut next = || lines.next().expect("it says where it listens").expect("that is text");
    let ops = next().strip_prefix("ops on ").expect("that is the line").to_owned();
    next();
    (Stopped(child), ops)
}

fn scratch(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("commands-{name}.toml"));
    fs::write(&path, content).expect("a scratch file can be written");
    path
}
