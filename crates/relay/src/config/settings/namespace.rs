//! Rules for the namespace `/`, which in the file are a structure of their own.

use super::{Setting, TakesEffect, put};
use crate::config::rule_text;

pub(super) const SETTINGS: &[Setting] = &[Setting {
    key: "namespace.rule",
    variable: "FANFARE_RULE",
    flag: Some("--rule"),
    set: |draft, written| put(&mut draft.root_rules, rule_text::rules(written).map(Some)),
    show: |_| None,
    about: "Rules for the namespace \"/\", in a variable or a flag.",
    takes_effect: TakesEffect::AtOnce,
}];
