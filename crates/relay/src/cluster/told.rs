//! What of the cluster stands in the log.

use cluster::{LinkNotice, Notice, Notices, PeerEvent};

/// Until there is nothing to tell any more.
pub(super) async fn tell(mut notices: Notices) {
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Link(notice) => link(&notice),
            Notice::Peer(event) => peer(&event),
            Notice::Overflow => tracing::warn!("the cluster says more than can be done here: some of it is dropped"),
            Notice::NotPublished { error } => tracing::warn!(%error, "redis does not take what is published"),
            // Who waits for it says it.
            Notice::Failed(_) => {}
            other => tracing::warn!(notice = %other, "something about the cluster"),
        }
    }
}

fn link(notice: &LinkNotice) {
    match notice {
        LinkNotice::Joined { after, deaf } => {
            let (after_ms, deaf_ms) = (after.as_millis(), deaf.unwrap_or_default().as_millis());
            tracing::info!(after_ms, deaf_ms, "joined the cluster");
        }
        LinkNotice::Lost(why) => tracing::warn!(%why, "lost the cluster"),
        LinkNotice::Waiting(why) => tracing::warn!(%why, "waiting for the cluster"),
        LinkNotice::Partly { subscription, error } => {
            tracing::warn!(%subscription, %error, "a part of the cluster's redis is away");
        }
        LinkNotice::Whole { after, .. } => {
            tracing::info!(after_ms = after.as_millis(), "all of the cluster's redis is there again");
        }
        LinkNotice::Refused { subscription, error } => {
            tracing::warn!(%subscription, %error, "redis refuses a subscription");
        }
        LinkNotice::CannotCount { error } => {
            tracing::warn!(%error, "redis does not count subscribers: questions cannot know who is missing");
        }
    }
}

fn peer(event: &PeerEvent) {
    match event {
        PeerEvent::Appeared { uid, name } => {
            tracing::info!(%uid, name = name.as_deref().unwrap_or_default(), "another node is there");
        }
        PeerEvent::Late { uid } => tracing::warn!(%uid, "nothing is heard of another node"),
        PeerEvent::Back { uid } => tracing::info!(%uid, "another node is heard again"),
        PeerEvent::Gone { uid, name, how } => {
            tracing::info!(%uid, name = name.as_deref().unwrap_or_default(), ?how, "another node is gone");
        }
        PeerEvent::Missed { uid, namespace, count } => {
            tracing::warn!(%uid, %namespace, count, "messages of another node were missed");
        }
        PeerEvent::SameUid => tracing::error!("another node sends under this node's uid: they do not hear each other"),
        PeerEvent::Reset { namespace } => {
            tracing::warn!(%namespace, "closing the sockets of a namespace, which missed something");
        }
    }
}
