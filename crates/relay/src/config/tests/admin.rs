//! The section `[admin]`.

use super::*;
use crate::admin::AdminAuth;

const PASSWORD: &str = concat!("username = 'root'\npassword_bcrypt = '", password!(), "'\n");

/// What is said of a configuration, each with its key.
fn mistakes(text: &str) -> Vec<String> {
    let problems = from_file(text).map(|loaded| loaded.warnings).unwrap_or_else(|problems| problems);
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_name_and_a_password_switch_it_on() {
    let on = from_file(&format!("[admin]\n{PASSWORD}")).unwrap();
    assert!(on.warnings.is_empty() && on.config.admin.is_on());
    assert!(!from_file("[admin]").unwrap().config.admin.is_on());
}

#[test]
fn without_a_password_only_this_machine_may_reach_it() {
    let none = "[admin]\nauth = 'none'\n";
    assert_eq!(from_file(none).unwrap().config.admin.auth, AdminAuth::None);
    for (beside, expected) in [
        ("listen = ['0.0.0.0:3000']\n", "listen with addresses of this machine only"),
        ("listen = ['127.0.0.1:3000', '192.0.2.1:3000']\n", "listen with addresses of this machine only"),
        ("listen = ['unix:/run/x.sock']\n", "listen with addresses of this machine only"),
        ("listen = ['systemd:0']\n", "listen with addresses of this machine only"),
        ("proxy_protocol.trusted = ['127.0.0.1']\n", "trusted proxies"),
        ("limits.address.trusted_proxies = ['127.0.0.1']\n", "trusted proxies"),
        ("cors.origins = ['*']\n", "any page would be one"),
        ("cors.origins = ['http://localhost:5173', 'null']\n", "any page would be one"),
        ("cors.enforce = false\n", "any page would be one"),
    ] {
        let found = mistakes(&format!("{beside}{none}"));
        assert!(found.len() == 1 && found[0].contains("admin.auth") && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn what_does_not_fit_together_is_told() {
    for (text, key, expected) in [
        ("[admin]\nusername = 'root'", "admin.username", "expected admin.password_bcrypt"),
        (concat!("[admin]\npassword_bcrypt = '", password!(), "'"), "admin.password_bcrypt", "expected admin.username"),
        (&format!("[admin]\nauth = 'none'\n{PASSWORD}"), "admin.auth", "since there is one"),
        (
            &format!("[admin]\nnamespace = '/x'\n{PASSWORD}[[namespace]]\nname = '/x'"),
            "admin.namespace",
            "clients do not have",
        ),
        ("[admin]\nnamespace = '/'", "admin.namespace", "clients do not have"),
        (&format!("path = '/'\n[admin]\ndir = '/'\n{PASSWORD}"), "admin.dir", "another path for Socket.IO"),
        (&format!("[admin]\ndir = '/'\n{PASSWORD}"), "admin.dir", "has no index.html"),
        ("[admin]\nread_only = true", "admin.read_only", "has no effect"),
    ] {
        let found = mistakes(text);
        assert!(found.iter().any(|it| it.contains(key) && it.contains(expected)), "{text}: {found:?}");
    }
}

#[test]
fn a_password_in_the_place_of_its_hash_is_not_repeated() {
    for text in ["[admin]\npassword_bcrypt = 'hunter2'", "[admin]\npassword_bcrypt = 12345678"] {
        let found = mistakes(text).join("\n");
        assert!(
            found.contains("admin.password_bcrypt") && !found.contains("hunter2") && !found.contains("12345678"),
            "{found}"
        );
    }
}

#[test]
fn the_hash_is_shown_nowhere_and_another_is_a_change() {
    let of = |text: &str| from_file(text).unwrap().effective;
    let one = of(&format!("[admin]\n{PASSWORD}"));
    let page = page(&one).join("\n");
    assert!(page.contains("# password_bcrypt: secret") && !page.contains("$2b$"), "{page}");
    let other = of(&format!("[admin]\n{}", PASSWORD.replace("mh2l", "mh2m")));
    let changes: Vec<String> = one.changes(&other).iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["admin.password_bcrypt: (changed)"]);
}
