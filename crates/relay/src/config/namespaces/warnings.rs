//! What works but may not be meant.

use policy::{Auth, Rules, Scope};
use socketio::NamespaceName;

/// What is odd about a namespace.
pub(crate) fn of(name: &NamespaceName, rules: &Rules) -> Vec<String> {
    let without_a_door = rules.rooms_without_a_door().into_iter();
    let mut warnings: Vec<String> = without_a_door
        .map(|room| format!("room \"{room}\" of namespace \"{name}\" is a target, but no rule joins it"))
        .collect();
    if rules.auth() == Auth::None && rules.reads_claims() {
        warnings.push(format!("namespace \"{name}\" reads claims, but with auth = \"none\" nobody has any"));
    }
    if rules.auth() == Auth::Required {
        let mut events: Vec<&str> =
            rules.iter().filter(|(_, rule)| goes_to_all(rule)).map(|(event, _)| event).collect();
        events.sort_unstable();
        warnings.extend(events.into_iter().map(|event| {
            format!(
                "the rule for {event:?} of namespace \"{name}\", which has auth = \"required\", sends to everybody in it; \
                 a room by template, such as to = {{ room = \"account:{{claims.account}}\" }}, does not"
            )
        }));
    }
    warnings
}

fn goes_to_all(rule: &policy::Rule) -> bool {
    rule.relay.as_ref().is_some_and(|relay| matches!(relay.to, Scope::All | Scope::Others))
}
