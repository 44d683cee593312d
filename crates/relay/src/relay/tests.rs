//! One generation behind another.

use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use policy::{Count, EventName, On, Participant, Policy, Relay, Rule, Rules, Scope};
use socketio::NamespaceName;

use super::live::{Common, Generation, Live, Regime};
use super::member::Relayed;
use crate::auth::Authenticator;
use crate::auth::config::{AuthConfig, Renewal};
use crate::config::Limits;
use crate::gate::Gate;

fn common(counts: Arc<super::Counts>) -> Common {
    Common {
        authenticator: Authenticator::new(&AuthConfig::default()),
        renewal: Renewal::default(),
        auth_bytes_max: 1000,
        errors_event: None,
        counts,
        kept_since: SystemTime::UNIX_EPOCH,
    }
}

fn gate() -> Arc<Gate> {
    Gate::new(&Limits::default(), &socketio::ServerConfig::default().engine, Instant::now())
}

fn policy(namespaces: &[(&str, &str)]) -> Policy {
    let rules = |event: &str| {
        let relay = Relay { emit: None, to: Scope::All, volatile: false, count: Count::Node };
        let mut rules = Rules::default();
        let rule = Rule { relay: Some(relay), ..Rule::default() };
        rules.add(On::Event(EventName::parse(event).unwrap()), rule).unwrap();
        rules
    };
    Policy::new(namespaces.iter().map(|(name, event)| (NamespaceName::try_from(*name).unwrap(), rules(event))))
}

fn after(live: &Live, namespaces: &[(&str, &str)]) -> Generation {
    let former = live.current();
    former.next(&policy(namespaces), common(Arc::clone(&former.common.counts)), gate())
}

fn first(namespaces: &[(&str, &str)]) -> Arc<Live> {
    Live::new(Generation::first(&policy(namespaces), common(Arc::default()), gate()))
}

#[test]
fn a_member_is_no_larger_for_it() {
    assert_eq!(size_of::<Relayed>(), size_of::<Participant>() + 3 * size_of::<usize>());
}

#[tokio::test]
async fn rules_that_stay_are_shared_and_their_counts_go_on() {
    let live = first(&[("/", "a"), ("/gone", "x")]);
    let old = Arc::clone(live.current().regime("/").unwrap());
    assert!(!live.is_past(&old));
    old.taken.count(0);
    live.swap(after(&live, &[("/", "a"), ("/new", "b")]));
    let new = Arc::clone(live.current().regime("/").unwrap());
    assert!(live.is_past(&old) && !live.is_past(&new));
    assert!(Arc::ptr_eq(&old.rules, &new.rules));
    assert!(live.current().regime("/gone").is_none() && live.current().regime("/new").is_some());
    new.taken.count(0);
    live.swap(after(&live, &[("/", "c")]));
    live.current().regime("/").unwrap().taken.count(0);
    let counts = Arc::clone(&live.current().common.counts);
    let shown = || -> Vec<_> {
        let taken = counts.taken_counts().into_iter();
        taken.map(|(name, on, count)| format!("{name} {on} {count}")).collect()
    };
    assert_eq!(shown(), ["/ a 2", "/ c 1"], "somebody may still be there by the old rule, and nobody by the others");
    assert_eq!(counts.relayed_count(), 3);
    drop((old, new));
    assert_eq!((shown(), counts.relayed_count()), (vec!["/ c 1".to_owned()], 3));
    // One that comes back begins anew.
    live.swap(after(&live, &[("/", "a")]));
    live.current().regime("/").unwrap().taken.count(0);
    assert_eq!((shown(), counts.relayed_count()), (vec!["/ a 1".to_owned()], 4));
}

#[test]
fn why_clients_are_not_let_in_is_known_beforehand() {
    let counts = super::Counts::default();
    let codes: Vec<_> = counts.all_connects_refused_counts().into_keys().collect();
    assert_eq!(codes, ["no_value", "refused", "token_expired", "token_invalid", "unavailable"]);
    assert!(counts.connects_refused_counts().is_empty(), "none is in the log's last line");
}

#[tokio::test]
async fn nothing_is_left_of_a_generation_when_the_last_client_has_moved_over() {
    let live = first(&[("/", "a")]);
    let mut members: Vec<Arc<Regime>> = (0..10).map(|_| Arc::clone(live.current().regime("/").unwrap())).collect();
    let mut generations: Vec<(Weak<Generation>, Weak<Regime>)> = Vec::new();
    for number in 0..100 {
        let (current, event) = (live.current(), format!("e{number}"));
        generations.push((Arc::downgrade(&current), Arc::downgrade(current.regime("/").unwrap())));
        drop(current);
        drop(live.swap(after(&live, &[("/", &event)])));
        // Not all of them, and none at each.
        let moved = number % 11;
        if let Some(member) = members.get_mut(moved) {
            *member = Arc::clone(live.current().regime("/").unwrap());
        }
    }
    assert!(generations.iter().all(|(generation, _)| generation.upgrade().is_none()));
    assert!(generations.iter().filter(|(_, regime)| regime.upgrade().is_some()).count() <= members.len());
    members.fill(Arc::clone(live.current().regime("/").unwrap()));
    assert!(generations.iter().all(|(_, regime)| regime.upgrade().is_none()));
}
