//! One event: as it is asked for, checked, sent, and what became of it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use serde::Serialize;
use serde_json::value::RawValue;
use socketio::codec::{EventName, Text};
use socketio::{Answers, Broadcast, EmitError, Event, Nodes, Outcome, Published};
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::ack::{self, Ack, AckWanted};
use super::bounded::AtMost;
use super::fields::Fields;
use super::key::Key;
use super::problem::Problem;
use super::{Api, Terms, binary};

/// An event, and whom it is for.
#[derive(Debug, ToSchema)]
pub(crate) struct Emit {
    /// `/` unless said.
    #[schema(required = false, default = "/", example = "/")]
    namespace: String,
    /// None that Socket.IO reserves.
    #[schema(example = "update")]
    event: String,
    /// Any values; none unless said.
    #[schema(required = false, value_type = Vec<serde_json::Value>)]
    args: Box<RawValue>,
    /// Who is in one of these rooms; left out, everybody. A client's own room has its id for a name.
    #[schema(required = false, nullable = false, min_items = 1, max_items = 100)]
    rooms: Option<Vec<String>>,
    /// But not who is in one of these.
    #[schema(required = false, max_items = 100)]
    except: Vec<String>,
    /// Only to those who can take it at once.
    #[schema(required = false, default = false)]
    volatile: bool,
    /// Only to clients of this node.
    #[schema(required = false, default = false)]
    local: bool,
    /// Whether `{"$base64":"…"}` in `args` stands for bytes.
    #[schema(required = false, default = false)]
    binary: bool,
    /// Waits for what the clients answer.
    #[schema(required = false, nullable = false)]
    ack: Option<AckWanted>,
}

/// One that was checked.
pub(crate) struct Emission {
    to: Broadcast,
    local: bool,
    event: Event,
    ack: Option<AckWanted>,
}

/// What became of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Emitted {
    /// To how many clients it was sent; of other nodes only as far as they said so.
    recipients: usize,
    /// What they answered, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    acks: Option<Vec<Ack>>,
    /// Those of this node who did not answer in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<String>>,
    /// In a cluster: whether it was passed on to the other nodes (`sent`, `waiting`, `lost`).
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<NodesTold>,
}

/// In a cluster: the other nodes that were asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodesTold {
    answered: usize,
    /// How many did not answer: then this is not all of it.
    missing: usize,
}

impl NodesTold {
    /// Nothing, where there are no others.
    pub(crate) fn of(nodes: Nodes) -> Option<Self> {
        let told = Self::from(nodes);
        (told.answered + told.missing > 0).then_some(told)
    }
}

impl From<Nodes> for NodesTold {
    fn from(nodes: Nodes) -> Self {
        Self { answered: nodes.answered, missing: nodes.missing }
    }
}

impl Emit {
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let args = fields.take("args", "a list of values")?;
        let ack: Option<Box<RawValue>> = fields.take("ack", "an object")?;
        Ok(Self {
            namespace: fields.take("namespace", "a name")?.unwrap_or_else(|| "/".to_owned()),
            event: fields.required("event", "an event's name")?,
            args: args.unwrap_or_else(|| RawValue::from_string("[]".to_owned()).unwrap_or_default()),
            rooms: take_rooms(fields, "rooms")?,
            except: take_rooms(fields, "except")?.unwrap_or_default(),
            volatile: fields.take("volatile", "true or false")?.unwrap_or_default(),
            local: fields.take("local", "true or false")?.unwrap_or_default(),
            binary: fields.take("binary", "true or false")?.unwrap_or_default(),
            ack: ack.map(|ack| Fields::of(&fields.path("ack"), &ack).and_then(AckWanted::read)).transpose()?,
        })
    }
}

impl Emission {
    /// Reads an event and checks it, as one that a client sends, and by what the key is for.
    pub(crate) fn read(api: &Api, terms: &Terms, key: &Key, mut fields: Fields) -> Result<Self, Problem> {
        let emit = Emit::read(&mut fields)?;
        let path = |name: &str| fields.path(name);
        let mut to = api.namespace(key, &emit.namespace, path("namespace"))?;
        if EventName::new(&emit.event).is_err() {
            return Err(Problem::invalid(path("event"), format!("is reserved by Socket.IO: {:?}", emit.event)));
        }
        if !key.has_event(&emit.event) {
            let detail = format!("this key is for other events than {:?}", emit.event);
            return Err(Problem::out_of_scope(path("event"), detail));
        }
        match &emit.rooms {
            Some(rooms) if rooms.is_empty() => {
                return Err(Problem::invalid(path("rooms"), "expected at least one room; leave it out for everybody"));
            }
            Some(rooms) => check_rooms(rooms, &path("rooms"), Some(key))?,
            None if key.is_for_rooms() => {
                return Err(Problem::out_of_scope(path("rooms"), "this key is for some rooms: name them"));
            }
            None => {}
        }
        check_rooms(&emit.except, &path("except"), None)?;
        let event = event(&emit, terms, &path("args"))?;
        fields.finish()?;
        to = emit.rooms.into_iter().flatten().fold(to, Broadcast::to);
        to = emit.except.into_iter().fold(to, Broadcast::except);
        to = if emit.volatile { to.volatile() } else { to };
        to = if emit.local { to.local() } else { to };
        Ok(Self { to, local: emit.local, event, ack: emit.ack })
    }

    /// Sends it, and what is given back is for what becomes of it.
    ///
    /// # Errors
    /// There is no room for it now, or no way to the other nodes. Then it was not sent.
    pub(crate) async fn send(
        self,
        api: &Api,
    ) -> Result<impl Future<Output = Result<Emitted, Problem>> + Send + use<>, Problem> {
        let Self { to, local, event, ack } = self;
        api.reaches(local)?;
        if !is_ready(&to).await {
            return Err(Problem::congested("more is being sent than clients can be given: come back"));
        }
        let (mut counting, mut answering) = (None, None);
        match ack {
            None => {
                let (sender, outcome) = oneshot::channel();
                to.relay_counted(event.raw_name(), event.arguments(), move |outcome| {
                    // Nobody waits any more: then nobody misses it.
                    let _ = sender.send(outcome);
                });
                counting = Some(outcome);
            }
            Some(ack) => {
                let name = EventName::from(event.raw_name());
                let answers = to.relay_with_ack(&name, event.arguments(), ack.within());
                answering = Some(answers.map_err(|error| match error {
                    EmitError::TooManyAcks => Problem::congested("too many acknowledgements are waited for: come back"),
                    _ => Problem::internal(),
                })?);
            }
        }
        Ok(async move {
            match (counting, answering) {
                // Without an outcome the lanes have gone.
                (Some(outcome), _) => outcome.await.map(sent).map_err(|_| Problem::failed()),
                (None, Some(answers)) => Ok(answered(answers.await)),
                (None, None) => Err(Problem::internal()),
            }
        })
    }
}

fn sent(outcome: Outcome) -> Emitted {
    let cluster = Some(outcome.cluster).filter(|published| *published != Published::Nowhere).map(Published::label);
    Emitted { recipients: outcome.queued, cluster, ..Emitted::default() }
}

fn answered(answers: Answers) -> Emitted {
    let recipients = answers.received.len() + answers.missing.len() + answers.elsewhere.reached;
    let nodes = NodesTold::of(answers.nodes);
    let (acks, missing) = ack::told(answers);
    Emitted { recipients, acks: Some(acks), missing: Some(missing), nodes, ..Emitted::default() }
}

/// The event, under the limits of a client's.
fn event(emit: &Emit, terms: &Terms, field: &str) -> Result<Event, Problem> {
    let too_large = |what: &str| {
        let detail = format!("{what} of at most {} bytes, as of a client's message", terms.bytes_max);
        Problem::too_large(format!("expected {detail}")).in_field(field)
    };
    let json = emit.args.get();
    if !json.starts_with('[') {
        return Err(Problem::invalid(field, "expected a list of values"));
    }
    let (args, attachments) = if emit.binary {
        binary::extract(json).map_err(|binary::NoBase64| {
            Problem::invalid(field, "expected {\"$base64\":\"…\"} to be standard Base64, and to have nothing beside it")
        })?
    } else {
        (json.to_owned(), Vec::new())
    };
    if args.len() > terms.bytes_max {
        return Err(too_large("arguments"));
    }
    if attachments.iter().any(|attachment| attachment.len() > terms.bytes_max) {
        return Err(too_large("attachments"));
    }
    let name = EventName::new(&emit.event).map_err(|_| Problem::internal())?;
    let rest = args.strip_prefix('[').unwrap_or_default();
    let comma = if rest.trim_start().starts_with(']') { "" } else { "," };
    let text = Text::from(format!("[{}{comma}{rest}", name.raw().as_str()));
    Event::from_json(text, attachments, &terms.limits).map_err(|error| Problem::invalid(field, error.to_string()))
}

/// Rooms, if there are any; how they are named is [checked](check_rooms) then.
pub(crate) fn take_rooms(fields: &mut Fields, name: &str) -> Result<Option<Vec<String>>, Problem> {
    let rooms: Option<AtMost<String, ROOMS_MAX>> = fields.take(name, "a list of at most 100 rooms")?;
    Ok(rooms.map(|AtMost(rooms)| rooms))
}

/// Whether rooms may be named so; and by this key.
pub(crate) fn check_rooms(rooms: &[String], field: &str, key: Option<&Key>) -> Result<(), Problem> {
    for (index, room) in rooms.iter().enumerate() {
        let at = format!("{field}[{index}]");
        check_room(room, &at)?;
        if let Some(key) = key {
            key.check_room(room, at)?;
        }
    }
    Ok(())
}

/// Whether a room may be named so.
pub(crate) fn check_room(room: &str, field: &str) -> Result<(), Problem> {
    if (1..=ROOM_BYTES_MAX).contains(&room.len()) {
        return Ok(());
    }
    Err(Problem::invalid(field, format!("expected a room's name of 1 to {ROOM_BYTES_MAX} bytes")))
}

impl Api {
    /// A namespace that there is, if the key is for it.
    pub(crate) fn namespace(&self, key: &Key, name: &str, field: impl Into<String>) -> Result<Broadcast, Problem> {
        if !key.has_namespace(name) {
            return Err(Problem::out_of_scope(field, format!("this key is for other namespaces than {name:?}")));
        }
        let exists = self.live.current().names().contains(name);
        match self.server.of(name) {
            Ok(broadcast) if exists => Ok(broadcast),
            _ => Err(Problem::unknown_namespace(field, name)),
        }
    }
}

/// Whether there is room for more, now.
async fn is_ready(to: &Broadcast) -> bool {
    let mut ready = pin!(to.ready());
    poll_fn(|cx| Poll::Ready(ready.as_mut().poll(cx).is_ready())).await
}

/// Of one event, or one move.
const ROOMS_MAX: usize = 100;

/// More than anybody's rooms have.
const ROOM_BYTES_MAX: usize = 1024;
