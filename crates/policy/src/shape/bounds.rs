//! What a schema may cost.
//!
//! A schema applies others to the same value, and to what is inside it, and they again others. What comes of it is counted
//! here before any value is looked at: a few lines of `allOf` with one reference twice, or of a schema that refers to itself
//! twice for what is inside, would otherwise take longer than anybody has.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Looks at a schema before it is compiled, and says how deep a value may be that it is asked about.
///
/// # Errors
/// What was expected.
pub(super) fn check(schema: &Value) -> Result<usize, String> {
    if nesting(schema) > DEPTH_MAX {
        return Err(format!("a JSON Schema with at most {DEPTH_MAX} objects and lists in one another"));
    }
    let all = reachable(schema)?;
    let mut inside = HashMap::new();
    // For values of no depth, of depth one, and so on: each from the one before.
    for depth in 0..=DEPTH_MAX {
        let mut costs = Costs { root: schema, inside, known: HashMap::new() };
        let mut highest = 0;
        for schema in &all {
            highest = highest.max(costs.of(schema)?);
        }
        match (highest > COST_MAX, depth) {
            (true, 0 | 1) => return Err(format!("a JSON Schema that applies at most {COST_MAX} others to a value")),
            (true, _) => return Ok(depth - 1),
            (false, _) => inside = costs.known.into_iter().filter_map(|(at, cost)| Some((at, cost?))).collect(),
        }
    }
    Ok(DEPTH_MAX)
}

/// How many objects and lists are open at once at most, in a text that is JSON.
pub(super) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The schemas that take part.
fn reachable(root: &Value) -> Result<Vec<&Value>, String> {
    let (mut all, mut seen, mut todo) = (Vec::new(), HashSet::new(), vec![root]);
    while let Some(schema) = todo.pop() {
        if !seen.insert(std::ptr::from_ref(schema)) {
            continue;
        }
        if let Some(other) = ["$dynamicRef", "$recursiveRef"].iter().find(|key| schema.get(key).is_some()) {
            return Err(format!("a JSON Schema without {other}"));
        }
        if seen.len() > 1 && schema.get("$id").is_some() {
            return Err("a JSON Schema without another $id in it".to_owned());
        }
        all.push(schema);
        todo.extend(same_value(root, schema)?);
        todo.extend(MEMBERS.iter().chain(&ELEMENTS).flat_map(|key| schemas(schema, key)));
    }
    Ok(all)
}

/// How many schemas are applied to a value, and the one inside it to which most are.
struct Costs<'a> {
    root: &'a Value,
    /// For a value that is one less deep, by where a schema is in memory.
    inside: HashMap<*const Value, u64>,
    /// `None` while it is being counted.
    known: HashMap<*const Value, Option<u64>>,
}

impl<'a> Costs<'a> {
    fn of(&mut self, schema: &'a Value) -> Result<u64, String> {
        match self.known.get(&std::ptr::from_ref(schema)) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => {
                return Err("a JSON Schema that does not apply itself to the same value without end".to_owned());
            }
            None => {}
        }
        self.known.insert(schema, None);
        let mut cost = 1_u64.saturating_add(self.inside(schema));
        for other in same_value(self.root, schema)? {
            cost = cost.saturating_add(self.of(other)?);
        }
        self.known.insert(schema, Some(cost));
        Ok(cost)
    }

    fn inside(&self, schema: &Value) -> u64 {
        let cost = |schema: &Value| self.inside.get(&std::ptr::from_ref(schema)).copied().unwrap_or_default();
        let most = |key| schemas(schema, key).into_iter().map(cost).max().unwrap_or_default();
        // A member has one name, which many patterns may match; what is left over is for the others.
        let patterns = schemas(schema, "patternProperties").into_iter().map(cost).fold(0, u64::saturating_add);
        let members = most("properties").saturating_add(patterns);
        let members = members.max(most("additionalProperties")).max(most("unevaluatedProperties"));
        let elements = ["items", "prefixItems", "additionalItems", "unevaluatedItems"].into_iter().map(most).max();
        members.max(elements.unwrap_or_default().saturating_add(most("contains")))
    }
}

/// The schemas that a schema applies to the value that it is applied to.
fn same_value<'a>(root: &'a Value, schema: &'a Value) -> Result<Vec<&'a Value>, String> {
    let mut all: Vec<&Value> = SAME.iter().flat_map(|key| schemas(schema, key)).collect();
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'));
        let target = pointer.and_then(|pointer| root.pointer(pointer));
        all.push(target.ok_or_else(|| {
            format!("a JSON Schema whose references are to places in itself, as #/$defs/name, not {reference:?}")
        })?);
    }
    Ok(all)
}

/// The schemas at a keyword: one, a list, or by name.
fn schemas<'a>(schema: &'a Value, key: &str) -> Vec<&'a Value> {
    let all: Vec<&Value> = match schema.get(key) {
        Some(Value::Object(named)) if NAMED.contains(&key) => named.values().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        Some(Value::Array(list)) => list.iter().collect(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|schema| schema.is_object()).collect()
}

fn nesting(value: &Value) -> usize {
    // serde_json read it, so it is no deeper than 128.
    match value {
        Value::Object(members) => 1 + members.values().map(nesting).max().unwrap_or_default(),
        Value::Array(elements) => 1 + elements.iter().map(nesting).max().unwrap_or_default(),
        _ => 0,
    }
}

/// What a schema applies to the same value.
const SAME: [&str; 9] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"];

/// What has schemas by name.
const NAMED: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "dependencies"];

const MEMBERS: [&str; 5] =
    ["properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"];

const ELEMENTS: [&str; 5] = ["items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"];

/// Of a schema, and of a value that one is asked about.
const DEPTH_MAX: usize = 64;

/// More than any schema that people write, and some milliseconds for the worst.
const COST_MAX: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn deepest(schema: &str) -> Result<usize, String> {
        check(&serde_json::from_str(schema).unwrap())
    }

    #[test]
    fn what_refers_to_itself_once_for_each_part_may_be_as_deep_as_any() {
        for schema in [
            "true",
            r##"{"properties":{"left":{"$ref":"#"},"right":{"$ref":"#"}}}"##,
            r##"{"type":["array","string"],"items":{"$ref":"#"}}"##,
            r##"{"if":{"items":{"$ref":"#"}},"then":{"properties":{"not":{"type":"null"}}}}"##,
            r##"{"additionalProperties":{"$ref":"#"},"properties":{"a":{"$ref":"#"}}}"##,
        ] {
            assert_eq!(deepest(schema), Ok(DEPTH_MAX), "{schema}");
        }
    }

    #[test]
    fn what_refers_to_itself_twice_for_one_part_may_be_less_deep() {
        for (schema, depth) in [
            (r##"{"anyOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}"##, 5..20),
            (r##"{"patternProperties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"}}}"##, 5..10),
        ] {
            assert!(depth.contains(&deepest(schema).unwrap()), "{schema}: {:?}", deepest(schema));
        }
    }
}
