//! What a schema may cost.
//!
//! A schema may apply others to the same value, and those others. What comes of it is counted here, before any value is
//! looked at: a few lines of `allOf` with the same reference twice would otherwise take longer than anybody has.

use std::collections::HashMap;

use serde_json::Value;

/// Looks at a schema before it is compiled.
///
/// # Errors
/// What was expected.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    if nesting(schema) > DEPTH_MAX {
        return Err(format!("a JSON Schema with at most {DEPTH_MAX} objects and lists in one another"));
    }
    let mut costs = Costs { root: schema, known: HashMap::new() };
    let mut todo = vec![schema];
    // Each object is taken for a schema: that some are not (an `enum`, a `default`) costs nothing but a little time.
    while let Some(value) = todo.pop() {
        match value {
            Value::Object(members) => {
                if members.contains_key("$dynamicRef") || members.contains_key("$recursiveRef") {
                    return Err("a JSON Schema without $dynamicRef and $recursiveRef".to_owned());
                }
                if costs.of(value)? > COST_MAX {
                    return Err(format!("a JSON Schema that applies at most {COST_MAX} others to one value"));
                }
                todo.extend(members.values());
            }
            Value::Array(elements) => todo.extend(elements),
            _ => {}
        }
    }
    Ok(())
}

/// How many objects and lists are open at once at most. Strings are skipped; the text is JSON.
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

/// How many schemas each applies to the value that it is asked about, itself included.
struct Costs<'a> {
    root: &'a Value,
    /// By where a schema is in memory; `None` while it is being counted.
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
        let mut cost = 1_u64;
        for (key, value) in schema.as_object().into_iter().flatten() {
            match (&**key, value) {
                ("$ref", Value::String(reference)) => cost = cost.saturating_add(self.of(self.referred(reference)?)?),
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    for schema in schemas {
                        cost = cost.saturating_add(self.of(schema)?);
                    }
                }
                ("not" | "if" | "then" | "else", schema) => cost = cost.saturating_add(self.of(schema)?),
                ("dependentSchemas" | "dependencies", Value::Object(schemas)) => {
                    for schema in schemas.values() {
                        cost = cost.saturating_add(self.of(schema)?);
                    }
                }
                _ => {}
            }
        }
        self.known.insert(schema, Some(cost));
        Ok(cost)
    }

    /// What a reference is to: a place in the same schema.
    fn referred(&self, reference: &str) -> Result<&'a Value, String> {
        let pointer = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'));
        let target = pointer.and_then(|pointer| self.root.pointer(pointer));
        target.ok_or_else(|| {
            format!("a JSON Schema whose references are to places in itself, as #/$defs/name, not {reference:?}")
        })
    }
}

fn nesting(value: &Value) -> usize {
    // serde_json read it, so it is no deeper than 128.
    match value {
        Value::Object(members) => 1 + members.values().map(nesting).max().unwrap_or_default(),
        Value::Array(elements) => 1 + elements.iter().map(nesting).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Of a schema, and of a value that one is asked about: one that refers to itself twice for what is inside a value takes
/// twice as long for each level.
pub(super) const DEPTH_MAX: usize = 64;

/// More than any schema that people write, and some milliseconds for the worst.
const COST_MAX: u64 = 10_000;
