//! `[auth]` and `[auth.webhook]`

use policy::{EventName, parse_namespace};

use super::{Setting, TakesEffect, Toml, put};
use crate::config::auth;
use crate::config::draft::{Draft, WebhookDraft};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "auth.required",
        variable: "FANFARE_AUTH_REQUIRED",
        flag: None,
        set: |draft, written| {
            draft.auth_required = written.list("the name of a namespace", parse_namespace)?;
            // Namespaces may say it themselves too: only this says who said it here.
            draft.notes.say("auth.required", Toml::set(&draft.auth_required));
            Ok(())
        },
        show: |_| Some(Toml::list([""; 0])),
        about: "The namespaces that only those may join who are known.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.token_from",
        variable: "FANFARE_AUTH_TOKEN_FROM",
        flag: None,
        set: |draft, written| put(&mut draft.config.auth.token_from, auth::token_sources(written)),
        show: |config| Some(Toml::list(&config.auth.token_from)),
        about: "Where a client may have its token; the first that is there counts.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.renew_event",
        variable: "FANFARE_AUTH_RENEW_EVENT",
        flag: None,
        set: |draft, written| {
            put(&mut draft.config.auth.renewal.renew_event, written.parsed(EventName::parse).map(Some))
        },
        show: |config| config.auth.renewal.renew_event.as_ref().map(Toml::text),
        about: "The event with which a client gives a new token.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.warn_event",
        variable: "FANFARE_AUTH_WARN_EVENT",
        flag: None,
        set: |draft, written| {
            put(&mut draft.config.auth.renewal.warn_event, written.parsed(EventName::parse).map(Some))
        },
        show: |config| config.auth.renewal.warn_event.as_ref().map(Toml::text),
        about: "The event that tells a client that its token ends soon.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.warn_before_s",
        variable: "FANFARE_AUTH_WARN_BEFORE_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.auth.renewal.warn_before, auth::seconds(written, 1..=86_400)),
        show: |config| Some(Toml::seconds(config.auth.renewal.warn_before)),
        about: "How long before.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.grace_s",
        variable: "FANFARE_AUTH_GRACE_S",
        flag: None,
        set: |draft, written| put(&mut draft.config.auth.renewal.grace, auth::seconds(written, 1..=3_600)),
        show: |config| Some(Toml::seconds(config.auth.renewal.grace)),
        about: "Over how long the connections of tokens that have ended are closed.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.webhook.url",
        variable: "FANFARE_AUTH_WEBHOOK_URL",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).url, written.url(auth::parse_webhook_url).map(Some)),
        show: |config| config.auth.webhook.as_ref().map(|webhook| Toml::text(&webhook.url)),
        about: "Where your application is asked.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.webhook.secret_env",
        variable: "FANFARE_AUTH_WEBHOOK_SECRET_ENV",
        flag: None,
        set: |draft, written| {
            let secret = auth::secret_of_variable(draft, written)?;
            draft.notes.say("auth.webhook.secret_env", Toml::text(written.text("")?));
            draft.notes.contents("auth.webhook.secret_env", &secret.0);
            webhook(draft).config.secret = Some(secret);
            Ok(())
        },
        show: |_| None,
        about: "The variable with the secret that requests are signed with.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.webhook.headers",
        variable: "FANFARE_AUTH_WEBHOOK_HEADERS",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).config.headers, auth::header_names(written)),
        show: |config| config.auth.webhook.as_ref().map(|webhook| Toml::set(&webhook.headers)),
        about: "Which headers of the first request are passed on.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.webhook.timeout_ms",
        variable: "FANFARE_AUTH_WEBHOOK_TIMEOUT_MS",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).config.timeout, written.millis(1..=10_000)),
        show: |config| config.auth.webhook.as_ref().map(|webhook| Toml::millis(webhook.timeout)),
        about: "How long an answer may take.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.webhook.concurrency",
        variable: "FANFARE_AUTH_WEBHOOK_CONCURRENCY",
        flag: None,
        set: |draft, written| {
            let requests = written.whole("a whole number of requests", 1..=10_000);
            put(&mut webhook(draft).config.concurrency, requests.map(|requests| requests as usize))
        },
        show: |config| config.auth.webhook.as_ref().map(|webhook| Toml::plain(webhook.concurrency)),
        about: "How many requests are under way at once.",
        takes_effect: TakesEffect::AtOnce,
    },
    Setting {
        key: "auth.webhook.cache_s",
        variable: "FANFARE_AUTH_WEBHOOK_CACHE_S",
        flag: None,
        set: |draft, written| put(&mut webhook(draft).config.cache, auth::seconds(written, 0..=86_400)),
        show: |config| config.auth.webhook.as_ref().map(|webhook| Toml::seconds(webhook.cache)),
        about: "For how long an answer holds for the same question.",
        takes_effect: TakesEffect::AtOnce,
    },
];

/// The webhook, which there is as soon as anything is said of it.
fn webhook(draft: &mut Draft) -> &mut WebhookDraft {
    draft.webhook.get_or_insert_default()
}
