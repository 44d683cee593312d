//! The handlers of what other nodes' programs say.

use std::collections::HashMap;

use socketio_codec::Arguments;

use super::reply::{Answered, Reply};
use crate::broadcast::{Broadcast, Later};
use crate::received::FromArguments;
use crate::server_side_event::ServerSideEvent;

/// Which handler is for what.
#[derive(Default)]
pub(super) struct ServerSide(HashMap<Box<str>, OnEvent>);

/// Begins to handle an event, or says why its arguments do not fit.
type OnEvent = Box<dyn Fn(Broadcast, &Arguments) -> Result<Later<Answered>, serde_json::Error> + Send + Sync>;

impl ServerSide {
    /// Whether there was none of that name.
    pub(super) fn add<A, R, M>(
        &mut self,
        event: &str,
        handler: impl Fn(Broadcast, A) -> R + Send + Sync + 'static,
    ) -> bool
    where
        A: FromArguments,
        R: Reply<M>,
    {
        let handler: OnEvent = Box::new(move |everyone, arguments| {
            A::from_arguments(arguments).map(|arguments| handler(everyone, arguments).given())
        });
        self.0.insert(event.into(), handler).is_none()
    }

    /// Begins to handle an event, if that is for anybody.
    pub(super) fn begin(&self, event: ServerSideEvent) -> Option<Later<Arguments>> {
        let ServerSideEvent { name, arguments, everyone } = event;
        let handler = self.0.get(&*name.raw().decode())?;
        match handler(everyone, &arguments) {
            Ok(work) => Some(Box::pin(async move { sent(work.await) })),
            Err(error) => {
                tracing::debug!(%error, "arguments of a serverSideEmit do not fit");
                None
            }
        }
    }
}

fn sent(answered: Answered) -> Arguments {
    match answered {
        Ok(arguments) => arguments.unwrap_or_default(),
        Err(error) => {
            tracing::debug!(%error, "a handler's answer is no JSON");
            Arguments::default()
        }
    }
}
