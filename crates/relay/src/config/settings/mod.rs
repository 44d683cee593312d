//! The table of settings: the one place that knows what a setting is called, how it is read and shown, and when a change of
//! it takes effect. A file for each section or some.

mod admin;
mod api;
mod auth;
mod cluster;
mod cors;
mod drain;
mod engine;
mod errors;
mod limits;
mod listen;
mod log;
mod namespace;
mod ops;

use std::fmt;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use socketio::engineio::{InvalidAddressBlock, TrustedProxies, TrustedProxy};

use super::draft::Draft;
use super::toml_text::Toml;
use super::written::{Written, Wrong};
use super::{Config, Place};

/// One setting, by each of its names.
pub(crate) struct Setting {
    /// Its key in the file, with the sections.
    pub(crate) key: &'static str,
    /// Its variable in the environment.
    pub(crate) variable: &'static str,
    /// Its flag, if operators change it often enough for one.
    pub(crate) flag: Option<&'static str>,
    /// Reads it.
    set: fn(&mut Draft, Written<'_>) -> Result<(), Wrong>,
    /// What holds, as the file has it; `None` if there is nothing. The names of variables, of which a configuration keeps
    /// only what is in them, are in the notes.
    pub(crate) show: fn(&Config) -> Option<Toml>,
    /// What it is, for `fanfare defaults`.
    pub(crate) about: &'static str,
    /// When a change of it does, at a reload.
    pub(crate) takes_effect: TakesEffect,
}

/// When a change takes effect that a running relay is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakesEffect {
    AtOnce,
    /// A connection keeps what held when it began.
    ForNewConnections,
    /// Not by a reload: it is refused.
    AtRestart,
}

impl Setting {
    /// Reads what was written at `place` into `draft`, over what is there from before.
    pub(crate) fn read(&self, draft: &mut Draft, place: Place, written: Written<'_>) -> Result<(), Wrong> {
        (self.set)(draft, written)?;
        draft.notes.place(self.key, place);
        Ok(())
    }
}

/// As the documentation has it.
impl fmt::Display for TakesEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce => "at once",
            Self::ForNewConnections => "for new connections",
            Self::AtRestart => "at a restart",
        })
    }
}

/// The setting of a flag that the command line has.
pub(crate) fn by_flag(flag: &str) -> &'static Setting {
    let setting = settings().find(|setting| setting.flag == Some(flag));
    setting.expect("the command line takes only flags of the table, which a test in cli.rs compares")
}

/// Every setting, in the order in which a file has them. A variable is named after the flag if there is one, else after the
/// key without its section.
///
/// `namespace.rule` stands for the rules of the namespace `/`; in the file they are a structure of their own,
/// which `namespaces` reads.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().copied().flatten()
}

const SECTIONS: &[&[Setting]] = &[
    listen::SETTINGS,
    drain::SETTINGS,
    engine::SETTINGS,
    cors::SETTINGS,
    limits::SETTINGS,
    errors::SETTINGS,
    auth::SETTINGS,
    cluster::SETTINGS,
    log::SETTINGS,
    ops::SETTINGS,
    api::SETTINGS,
    admin::SETTINGS,
    namespace::SETTINGS,
];

/// Puts a value that could be read where it belongs; one that could not leaves the place as it was.
fn put<T>(place: &mut T, read: Result<T, Wrong>) -> Result<(), Wrong> {
    *place = read?;
    Ok(())
}

/// A whole number of `what`.
fn number(written: Written<'_>, what: &str, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    written.whole(&format!("a whole number of {what}"), range)
}

/// A path, which in the file is relative to the file's folder.
fn path(draft: &Draft, written: Written<'_>, expected: &str) -> Result<PathBuf, Wrong> {
    let text = written.text(expected)?;
    Ok(match written {
        Written::Toml(_) => draft.folder.join(text),
        Written::Text(_) | Written::Texts(_) => Path::new(text).to_owned(),
    })
}

/// A folder that is there.
fn folder(draft: &Draft, written: Written<'_>) -> Result<PathBuf, Wrong> {
    let path = path(draft, written, "the path of a folder")?;
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(_) => Err(written.wrong("a folder, which this is not")),
        Err(error) => {
            let mut wrong = written.wrong("a folder that can be read");
            wrong.message.push_str(&format!(" ({}: {error})", path.display()));
            Err(wrong)
        }
    }
}

fn proxies(written: Written<'_>) -> Result<TrustedProxies, Wrong> {
    let expected = format!("{InvalidAddressBlock}; or unix");
    let parse = |text: &str| TrustedProxy::from_str(text).map_err(|_| &expected);
    written.list(&expected, parse).map(TrustedProxies::from_iter)
}

/// A browser's timer of more than 2^31 - 1 ms fires at once, and a client waits for a ping as long as interval
/// and timeout together. A day for each is far below, and more than anybody means.
const DAY_MS: u32 = 86_400_000;

const _: () = assert!(2 * DAY_MS < i32::MAX as u32);

/// More than any client could send, or a machine could take.
const PER_S_MAX: u32 = 1_000_000;

/// More than any buffer here should be asked to hold.
const GIBIBYTE: u32 = 1 << 30;
