//! What a process was started with, as the process finds it: this file starts itself anew, by a shell that opens files.
#![cfg(unix)]

use std::env;
use std::fs::File;
use std::io::Read;
use std::process::Command;

use fanfare_system::descriptors::handed_over;

/// Runs in the process that was started, and says what it finds.
#[test]
fn started() {
    if env::var_os("STARTED").is_none() {
        return;
    }
    // Taken by the process itself: is not to be taken from it.
    let own = File::open("/dev/null").expect("there is one");
    for descriptor in handed_over() {
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).expect("it is a text");
        println!("found {}", text.trim());
    }
    println!("again {}", handed_over().len());
    drop(own);
}

#[test]
fn what_was_handed_over_is_taken_in_order_and_once() {
    assert_eq!(found_by("LISTEN_FDS=2 LISTEN_PID=$$"), ["found first", "found second", "again 0"]);
    assert_eq!(found_by("LISTEN_FDS=1"), ["found first", "again 0"]);
}

#[test]
fn nothing_is_taken_that_is_for_others_or_opened_here() {
    assert_eq!(found_by("LISTEN_FDS=2 LISTEN_PID=1"), ["again 0"]);
    assert_eq!(found_by("LISTEN_FDS=none"), ["again 0"]);
    assert_eq!(found_by("LISTEN_PID="), ["again 0"]);
    assert_eq!(found_by("LISTEN_FDS=1000000000"), ["found first", "found second", "again 0"]);
}

/// What the process says that is started with two texts from descriptor 3 on, and `environment`.
fn found_by(environment: &str) -> Vec<String> {
    let script = format!(
        "exec 3<<1\nfirst\n1\nexec 4<<2\nsecond\n2\nexport STARTED=1 {environment}; exec \"$0\" --exact started --nocapture"
    );
    let this = env::current_exe().expect("it runs");
    let output = Command::new("sh").arg("-c").arg(script).arg(this).output().expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    // The harness prints the test's name in front of the first line.
    let lines =
        said.lines().filter_map(|line| line.find("found ").or(line.find("again ")).map(|from| line[from..].into()));
    lines.collect()
}
