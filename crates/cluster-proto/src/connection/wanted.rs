//! The subscriptions: which are wanted, and which are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::subscription::{Subscription, Wish};

/// The list of subscriptions, which outlives every connection.
///
/// For each channel there is at most one command without a reply, and what is to be done next follows from what is wanted
/// and what is there, so wishes may change their mind at any time.
///
/// ```text
///               next            confirmed
///     Absent ───────► Asked ─────────────────► There
///       ▲  ▲            │ refused               │
///       │  └─ retry ─ Refused, Away             │ next, no longer wanted
///       └──────────────── dropped ── Dropping ◄─┘
/// ```
#[derive(Debug, Default)]
pub(super) struct Wanted {
    entries: BTreeMap<Subscription, Entry>,
    groups: BTreeMap<Arc<str>, Group>,
    /// What is to be commanded, most urgent first.
    due: BTreeSet<(Urgency, Subscription)>,
    refused: BTreeSet<Subscription>,
    away: BTreeSet<Subscription>,
    /// How many required ones are not there.
    missing: usize,
}

#[derive(Debug, Clone)]
struct Entry {
    group: Arc<str>,
    is_counted: bool,
    is_wanted: bool,
    /// It was there before, or was wanted before the link was first joined: without it the link is not joined. What never
    /// worked is no reason to give up what works.
    is_required: bool,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Absent,
    Asked,
    There,
    Dropping,
    Refused,
    /// Where it belongs nobody is. The others are no worse for it.
    Away,
}

#[derive(Debug, Default)]
struct Group {
    entries: usize,
    counted: BTreeSet<Subscription>,
    /// Of those that are not counted, how many are not there.
    missing: usize,
    missing_required: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// To be counted no longer.
    Uncount,
    Other,
    /// To be counted.
    Count,
}

/// What to command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Subscribe(Subscription),
    Unsubscribe(Subscription),
}

/// What a refusal means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The link cannot be joined.
    Required,
    /// Only this one is not there.
    Optional,
    /// Nobody wants it any more.
    Forgotten,
}

impl Wanted {
    pub(super) fn want(&mut self, wish: Wish, is_required: bool) {
        let Wish { subscription, group, is_counted } = wish;
        let (standing, was_required) = match self.entries.get(&subscription) {
            Some(entry) => (entry.standing, entry.is_required && entry.is_wanted),
            None => (Standing::Absent, false),
        };
        let is_required = is_required || was_required || standing == Standing::There;
        let entry = Entry { group, is_counted, is_wanted: true, is_required, standing };
        self.put(subscription, Some(entry));
    }

    pub(super) fn unwant(&mut self, subscription: &Subscription) {
        self.change(subscription, |entry| entry.is_wanted = false);
    }

    /// Nothing of a group is wanted any more.
    pub(super) fn unwant_group(&mut self, group: &str) {
        let of_group =
            |(subscription, entry): (&Subscription, &Entry)| (*entry.group == *group).then(|| subscription.clone());
        let subscriptions: Vec<_> = self.entries.iter().filter_map(of_group).collect();
        subscriptions.iter().for_each(|subscription| self.unwant(subscription));
    }

    pub(super) fn unwant_all(&mut self) {
        let subscriptions: Vec<_> = self.entries.keys().cloned().collect();
        subscriptions.iter().for_each(|subscription| self.unwant(subscription));
    }

    /// What to command next; it counts as commanded.
    pub(super) fn next(&mut self) -> Option<Next> {
        let (_, subscription) = self.due.first()?.clone();
        let is_there = self.entries.get(&subscription).is_some_and(|entry| entry.standing == Standing::There);
        let standing = if is_there { Standing::Dropping } else { Standing::Asked };
        self.change(&subscription, |entry| entry.standing = standing);
        Some(if is_there { Next::Unsubscribe(subscription) } else { Next::Subscribe(subscription) })
    }

    pub(super) fn confirmed(&mut self, subscription: &Subscription) {
        self.change(subscription, |entry| {
            entry.standing = Standing::There;
            entry.is_required |= entry.is_wanted;
        });
    }

    pub(super) fn refused(&mut self, subscription: &Subscription) -> Refusal {
        self.change(subscription, |entry| entry.standing = Standing::Refused);
        match self.entries.get(subscription) {
            None => Refusal::Forgotten,
            Some(entry) if entry.is_required => Refusal::Required,
            Some(_) => Refusal::Optional,
        }
    }

    /// The part of Redis that has it is away. Whether that matters.
    pub(super) fn away(&mut self, subscription: &Subscription) -> bool {
        self.change(subscription, |entry| entry.standing = Standing::Away);
        self.entries.contains_key(subscription)
    }

    /// Whether it is there, or its confirmation may be on its way.
    pub(super) fn is_expected(&self, subscription: &Subscription) -> bool {
        let standing = self.entries.get(subscription).map(|entry| entry.standing);
        matches!(standing, Some(Standing::Asked | Standing::There))
    }

    /// What it belongs to.
    pub(super) fn group(&self, subscription: &Subscription) -> Option<Arc<str>> {
        self.entries.get(subscription).map(|entry| Arc::clone(&entry.group))
    }

    /// Those that are there.
    pub(super) fn there(&self) -> impl Iterator<Item = &Subscription> {
        self.entries.iter().filter(|(_, entry)| entry.standing == Standing::There).map(|(subscription, _)| subscription)
    }

    /// Those that nobody has now.
    pub(super) fn away_ones(&self) -> impl Iterator<Item = &Subscription> {
        self.away.iter()
    }

    pub(super) fn retry_away(&mut self) {
        for subscription in std::mem::take(&mut self.away) {
            self.change(&subscription, |entry| entry.standing = Standing::Absent);
        }
    }

    /// It is no longer there, because it was asked for.
    pub(super) fn dropped(&mut self, subscription: &Subscription) {
        self.change(subscription, |entry| entry.standing = Standing::Absent);
    }

    /// It is no longer there, and nobody asked for that. Whether that matters.
    pub(super) fn taken(&mut self, subscription: &Subscription) -> bool {
        let is_there = self.entries.get(subscription).is_some_and(|entry| entry.standing == Standing::There);
        if is_there {
            self.change(subscription, |entry| entry.standing = Standing::Absent);
        }
        is_there && self.entries.contains_key(subscription)
    }

    /// The connection is gone, and all subscriptions with it.
    pub(super) fn reset(&mut self) {
        let subscriptions: Vec<_> = self.entries.keys().cloned().collect();
        for subscription in &subscriptions {
            self.change(subscription, |entry| entry.standing = Standing::Absent);
        }
    }

    pub(super) fn retry_refused(&mut self) {
        for subscription in std::mem::take(&mut self.refused) {
            self.change(&subscription, |entry| entry.standing = Standing::Absent);
        }
    }

    /// Whether all that must be there is.
    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// Whether the fleet still counts this node, or may.
    pub(super) fn is_counted(&self) -> bool {
        let counts = |subscription| {
            self.entries
                .get(subscription)
                .is_some_and(|entry| matches!(entry.standing, Standing::Asked | Standing::There | Standing::Dropping))
        };
        self.groups.values().flat_map(|group| &group.counted).any(counts)
    }

    /// A channel that is there, to be counted by.
    pub(super) fn counted(&self) -> Option<&Subscription> {
        self.groups.values().flat_map(|group| &group.counted).find(|subscription| {
            self.entries.get(*subscription).is_some_and(|entry| entry.is_wanted && entry.standing == Standing::There)
        })
    }

    /// Whether all of a group is there. Nothing is.
    pub(super) fn is_group_complete(&self, group: &str) -> bool {
        self.groups.get(group).is_some_and(|state| {
            let is_there = |counted| self.entries.get(counted).is_some_and(|entry| entry.standing == Standing::There);
            let is_of_it = |subscription| self.entries.get(subscription).is_some_and(|entry| *entry.group == *group);
            state.missing == 0 && state.counted.iter().all(is_there) && !self.away.iter().any(is_of_it)
        })
    }

    /// Those that are wanted.
    pub(super) fn wishes(&self) -> impl Iterator<Item = &Subscription> {
        self.entries.iter().filter(|(_, entry)| entry.is_wanted).map(|(subscription, _)| subscription)
    }

    /// Those that Redis does not let us have.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &Subscription> {
        self.refused.iter()
    }

    fn change(&mut self, subscription: &Subscription, how: impl FnOnce(&mut Entry)) {
        let Some(mut entry) = self.entries.get(subscription).cloned() else { return };
        how(&mut entry);
        // What is neither wanted nor there is no entry.
        let is_idle = matches!(entry.standing, Standing::Absent | Standing::Refused | Standing::Away);
        let is_kept = entry.is_wanted || !is_idle;
        self.put(subscription.clone(), is_kept.then_some(entry));
    }

    /// The one place where entries change, so that every sum follows.
    fn put(&mut self, subscription: Subscription, entry: Option<Entry>) {
        if let Some(before) = self.entries.remove(&subscription) {
            self.due.remove(&(before.urgency(), subscription.clone()));
            self.refused.remove(&subscription);
            self.away.remove(&subscription);
            self.missing -= usize::from(before.is_missing() && before.is_required);
            self.leave_group(&before, &subscription);
        }
        if let Some(after) = entry {
            self.missing += usize::from(after.is_missing() && after.is_required);
            match after.standing {
                Standing::Refused => drop(self.refused.insert(subscription.clone())),
                Standing::Away => drop(self.away.insert(subscription.clone())),
                _ => {}
            }
            self.enter_group(&after, &subscription);
            let is_held = after.is_held(&self.groups);
            if after.has_next() && !is_held {
                self.due.insert((after.urgency(), subscription.clone()));
            }
            self.entries.insert(subscription, after);
        }
    }

    fn enter_group(&mut self, entry: &Entry, subscription: &Subscription) {
        let group = self.groups.entry(entry.group.clone()).or_default();
        group.entries += 1;
        if entry.is_counted {
            group.counted.insert(subscription.clone());
        } else {
            group.missing += usize::from(entry.is_missing());
            group.missing_required += usize::from(entry.is_missing() && entry.is_required);
            self.reconsider_counted(&entry.group);
        }
    }

    fn leave_group(&mut self, entry: &Entry, subscription: &Subscription) {
        let Some(group) = self.groups.get_mut(&entry.group) else { return };
        group.entries -= 1;
        if entry.is_counted {
            group.counted.remove(subscription);
        } else {
            group.missing -= usize::from(entry.is_missing());
            group.missing_required -= usize::from(entry.is_missing() && entry.is_required);
        }
        match group.entries {
            0 => drop(self.groups.remove(&entry.group)),
            _ => self.reconsider_counted(&entry.group.clone()),
        }
    }

    /// The counted ones of a group wait for the others of it.
    fn reconsider_counted(&mut self, group: &str) {
        let Some(state) = self.groups.get(group) else { return };
        for subscription in &state.counted {
            let Some(entry) = self.entries.get(subscription) else { continue };
            let due = (entry.urgency(), subscription.clone());
            if entry.has_next() && !entry.is_held(&self.groups) {
                self.due.insert(due);
            } else {
                self.due.remove(&due);
            }
        }
    }
}

impl Entry {
    fn is_missing(&self) -> bool {
        self.is_wanted && !matches!(self.standing, Standing::There | Standing::Away)
    }

    fn has_next(&self) -> bool {
        matches!((self.is_wanted, self.standing), (true, Standing::Absent) | (false, Standing::There))
    }

    /// Whether it is to wait until its group can answer.
    fn is_held(&self, groups: &BTreeMap<Arc<str>, Group>) -> bool {
        self.is_counted
            && self.is_wanted
            && groups.get(&self.group).is_some_and(|group| match self.is_required {
                true => group.missing_required > 0,
                false => group.missing > 0,
            })
    }

    fn urgency(&self) -> Urgency {
        match (self.is_counted, self.is_wanted) {
            (false, _) => Urgency::Other,
            (true, true) => Urgency::Count,
            (true, false) => Urgency::Uncount,
        }
    }
}
