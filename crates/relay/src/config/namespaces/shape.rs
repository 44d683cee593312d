//! What a rule says of its event's arguments.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use policy::{Schema, Shape};
use toml::Spanned;
use toml::de::DeValue;

use crate::config::field::Field;
use crate::config::report::Report;
use crate::config::written::{Written, Wrong};

/// The keys about it.
#[derive(Default)]
pub(super) struct ShapeKeys {
    args_min: Option<Field<u32>>,
    args_max: Option<Field<u32>>,
    bytes_max: Option<Field<usize>>,
    has_binary: Option<Field<bool>>,
    schemas: Option<Field<Vec<Schema>>>,
}

impl ShapeKeys {
    /// Reads a key, and says whether it is one of these.
    pub(super) fn read(
        &mut self,
        report: &mut Report<'_>,
        (name, key): (&str, &str),
        at: usize,
        value: &Spanned<DeValue<'_>>,
        folder: &Path,
    ) -> bool {
        let arguments = |written: Written<'_>| written.whole("a whole number of arguments", 0..=ARGUMENTS_MAX);
        match name {
            "args_min" => self.args_min = Field::read(report, key, at, value, arguments),
            "args_max" => self.args_max = Field::read(report, key, at, value, arguments),
            "bytes_max" => self.bytes_max = Field::read(report, key, at, value, |bytes| bytes.bytes(0..=GIBIBYTE)),
            "binary" => self.has_binary = Field::read(report, key, at, value, |binary| binary.word(&BINARY)),
            "schema" => self.schemas = Field::read(report, key, at, value, |files| read_schemas(files, folder)),
            _ => return false,
        }
        true
    }

    /// What they say together; `None` if nothing was said.
    pub(super) fn finish(&mut self, report: &mut Report<'_>) -> Option<Box<Shape>> {
        let Self { args_min, args_max, bytes_max, has_binary, schemas } = std::mem::take(self);
        if let (Some(min), Some(max)) = (&args_min, &args_max)
            && min.value > max.value
        {
            let message = format!("expected no more than \"args_max\" ({}), found {}", max.value, min.value);
            report.push(min.at, Some("namespace.rule.args_min"), message);
        }
        let mut shape = Shape::default();
        // A schema is not passed by leaving its argument out.
        shape.args_min =
            args_min.map_or(schemas.as_ref().map_or(shape.args_min, |it| it.value.len()), |min| min.value as usize);
        shape.args_max = args_max.map_or(shape.args_max, |max| max.value as usize);
        shape.bytes_max = match (bytes_max, &schemas) {
            (Some(bytes_max), _) => bytes_max.value,
            (None, Some(_)) => Shape::BYTES_MAX_WITH_SCHEMA,
            (None, None) => shape.bytes_max,
        };
        shape.has_binary = has_binary.map_or(shape.has_binary, |binary| binary.value);
        shape.schemas = schemas.map(|schemas| schemas.value).unwrap_or_default();
        (shape != Shape::default()).then(|| Box::new(shape))
    }
}

fn read_schemas(written: Written<'_>, folder: &Path) -> Result<Vec<Schema>, Wrong> {
    let expected = "the path of a file with a JSON Schema";
    let elements = written.elements(expected)?;
    if elements.is_empty() {
        return Err(written.wrong("at least one file, for the first argument"));
    }
    let read = |element: &Written<'_>| {
        let path = folder.join(element.text(expected)?);
        let text = text_of(&path).map_err(|error| {
            let mut wrong = element.wrong("a file that can be read");
            wrong.message.push_str(&format!(" ({}: {error})", path.display()));
            wrong
        })?;
        Schema::parse(&text).map_err(|expected| element.wrong(expected))
    };
    elements.iter().map(read).collect()
}

/// As much of a file as a schema may have, and a byte that shows that there is more.
fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(Schema::TEXT_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

const BINARY: [(&str, bool); 2] = [("allow", true), ("refuse", false)];

/// As many as an event may have.
const ARGUMENTS_MAX: u32 = 10_000;

const GIBIBYTE: u32 = 1 << 30;
