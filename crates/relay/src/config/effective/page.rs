//! The effective settings as a file.

use super::key::NamespaceKey;
use super::{Effective, Entry, Key, Shown};
use crate::config::toml_text::{Toml, quoted};

/// A file that says what holds, each setting with where it comes from. What is a secret is only mentioned.
pub(crate) fn page(effective: &Effective) -> Vec<String> {
    let (mut lines, mut section) = (Vec::new(), Vec::new());
    for entry in &effective.entries {
        let (header, name) = parts(&entry.key);
        if header != section {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(header.iter().cloned());
            section = header;
        }
        lines.push(line(entry, &name));
    }
    lines
}

fn line(entry: &Entry, name: &str) -> String {
    let from = escaped(&entry.place.source());
    match (&entry.key, &entry.value) {
        (_, Shown::Secret) => format!("# {name}: secret, from {from}"),
        // Nothing without its hash.
        (Key::Token { .. } | Key::Program { .. }, Shown::Value(value)) => format!("# {name} = {value}  # {from}"),
        (_, Shown::Value(value)) => format!("{name} = {value}  # {from}"),
    }
}

/// The lines that begin the section of a key, and its name in it.
fn parts(key: &Key) -> (Vec<String>, String) {
    match key {
        Key::Setting(key) => match key.rsplit_once('.') {
            Some((section, name)) => (vec![format!("[{section}]")], name.to_owned()),
            None => (Vec::new(), (*key).to_owned()),
        },
        Key::Issuer { iss, key } => {
            (vec!["[[auth.issuer]]".to_owned(), format!("iss = {}", Toml::text(iss))], key.clone())
        }
        Key::Token { hash, key } => {
            (vec![format!("# [[auth.token]]: the one whose hash begins with {}", quoted(hash))], key.clone())
        }
        Key::Program { name, key } => (vec![format!("# [[api.key]]: {}", quoted(name))], key.clone()),
        Key::Namespace { name, key } => {
            let of_namespace = format!("name = {}", Toml::text(name));
            match key {
                NamespaceKey::Own(key) => (vec!["[[namespace]]".to_owned(), of_namespace], key.clone()),
                NamespaceKey::Rule { on, key } => {
                    (vec!["[[namespace.rule]]".to_owned(), format!("on = {}", Toml::text(on))], key.clone())
                }
            }
        }
    }
}

/// A path may have a line break in it.
fn escaped(from: &str) -> String {
    from.escape_debug().to_string()
}
