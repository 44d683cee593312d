//! Who may send: `when = { claims.role = ["editor", "admin"] }`.

use policy::Condition;
use toml::de::{DeTable, DeValue};

use crate::config::written::{Written, Wrong};

/// Reads all conditions of a rule.
pub(super) fn read(written: Written<'_>) -> Result<Vec<Condition>, Wrong> {
    let expected = "{ claims.NAME = value }, or a list of values";
    let Written::Toml(value) = written else { return Err(written.wrong(expected)) };
    let mut conditions = Vec::new();
    if let DeValue::Table(table) = value.get_ref()
        && let Some(claims) = table.get("claims").filter(|_| table.len() == 1)
        && let DeValue::Table(claims) = claims.get_ref()
    {
        walk(claims, &mut Vec::new(), &mut conditions)?;
    }
    if conditions.is_empty() { Err(written.wrong(expected)) } else { Ok(conditions) }
}

/// A table in a table is a claim in a claim.
fn walk(table: &DeTable<'_>, names: &mut Vec<String>, conditions: &mut Vec<Condition>) -> Result<(), Wrong> {
    for (name, value) in table {
        names.push(name.get_ref().clone().into_owned());
        match value.get_ref() {
            DeValue::Table(inner) => walk(inner, names, conditions)?,
            DeValue::Array(array) => {
                let values = array.iter().map(|value| text(Written::Toml(value))).collect::<Result<Vec<_>, _>>()?;
                if values.is_empty() {
                    return Err(Written::Toml(value).wrong(SCALAR));
                }
                conditions.push(Condition::new(names.clone(), values));
            }
            _ => conditions.push(Condition::new(names.clone(), [text(Written::Toml(value))?])),
        }
        names.pop();
    }
    Ok(())
}

/// A value as it is compared.
fn text(written: Written<'_>) -> Result<String, Wrong> {
    let Written::Toml(value) = written else { return Err(written.wrong(SCALAR)) };
    match value.get_ref() {
        DeValue::String(text) if (1..=256).contains(&text.len()) => Ok(text.clone().into_owned()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err(written.wrong(SCALAR)),
        },
        _ => Err(written.wrong(SCALAR)),
    }
}

const SCALAR: &str = "text of 1 to 256 bytes, a whole number, true or false";
