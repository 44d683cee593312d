//! What a schema asks for, in few words.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};

/// What was expected where something of this kind went wrong. Nothing that the client sent is in it.
pub(super) fn words(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("a value of the type {kind}"),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let names: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
            format!("a value of the type {}", names.join(" or "))
        }
        Kind::Required { property } => format!("the member {property}"),
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => "no other members".to_owned(),
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => "no further elements".to_owned(),
        Kind::Constant { expected_value } => short("", expected_value.to_string()),
        Kind::Enum { options } => short("one of ", options.to_string()),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::MinItems { limit } => format!("at least {limit} elements"),
        Kind::MaxItems { limit } => format!("at most {limit} elements"),
        Kind::MinProperties { limit } => format!("at least {limit} members"),
        Kind::MaxProperties { limit } => format!("at most {limit} members"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::UniqueItems => "no element twice".to_owned(),
        Kind::Pattern { pattern } => short("a text that matches ", pattern.clone()),
        Kind::Format { format } => short("the format ", format.clone()),
        Kind::FalseSchema => "nothing here".to_owned(),
        other => format!("what {:?} of the schema asks for", other.keyword()),
    }
}

/// An answer is no place for a long list.
fn short(what: &str, mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(100) {
        text.truncate(end);
        text.push('…');
    }
    format!("{what}{text}")
}
