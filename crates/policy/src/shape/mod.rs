//! What an event's arguments have to be.

mod bounds;
mod expected;
mod schema;

use socketio_codec::Event;

pub use schema::Schema;

use crate::refusal::{Code, Refusal};

/// What an event's arguments have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shape {
    /// How few arguments it may have.
    pub args_min: usize,
    /// How many it may have.
    pub args_max: usize,
    /// How many bytes its arguments and attachments may be.
    pub bytes_max: usize,
    /// Whether it may have attachments.
    pub has_binary: bool,
    /// What the first arguments have to be. An attachment in them is looked at as what stands in its place,
    /// `{"_placeholder":true,"num":0}`.
    pub schemas: Vec<Schema>,
}

/// Anything.
impl Default for Shape {
    fn default() -> Self {
        Self { args_min: 0, args_max: usize::MAX, bytes_max: usize::MAX, has_binary: true, schemas: Vec::new() }
    }
}

impl Shape {
    /// How large an event may be of which a schema is asked, unless it was said: reading it takes a multiple of that.
    pub const BYTES_MAX_WITH_SCHEMA: usize = 64 * 1024;

    /// Whether an event has this shape.
    ///
    /// # Errors
    /// What does not fit first.
    pub(crate) fn check(&self, event: &Event) -> Result<(), Refusal> {
        let whole = |expected: String| Err(Refusal::invalid(String::new(), expected));
        if bytes(event) > self.bytes_max {
            return Err(Refusal::new(Code::TooLarge));
        }
        if !self.has_binary && !event.attachments().is_empty() {
            return whole("no binary".to_owned());
        }
        if event.len() < self.args_min {
            return whole(format!("at least {}", arguments(self.args_min)));
        }
        if event.len() > self.args_max {
            return whole(format!("at most {}", arguments(self.args_max)));
        }
        let mut texts = event.iter();
        for (number, schema) in self.schemas.iter().enumerate() {
            // An argument that is optional (`args_min`) and not there is no wrong one.
            let Some(text) = texts.next() else { break };
            schema.check(number, text)?;
        }
        Ok(())
    }
}

/// The bytes of an event without its name.
pub(crate) fn bytes(event: &Event) -> usize {
    event.arguments().as_bytes().len() + event.attachments().iter().map(|attachment| attachment.len()).sum::<usize>()
}

fn arguments(count: usize) -> String {
    format!("{count} argument{}", if count == 1 { "" } else { "s" })
}
