//! What a handler gives back.

use std::future::{Future, ready};
use std::pin::Pin;

use socketio_codec::{Arguments, SerializeError};

use crate::arguments::ToArguments;
use crate::broadcast::{EmitError, Later};
use crate::socket::AckSender;

/// What is left to be done of a handler.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The answer's arguments, if there is one.
pub(super) type Answered = Result<Option<Arguments>, SerializeError>;

/// What an acknowledgement can be answered with: anything that can be [sent](ToArguments), or a `Result` of two such, of
/// which the client gets one.
///
/// Of a `Result<_, EmitError>`, so that a handler may use `?` on what it emits, the error is a line in the log, and the
/// acknowledgement is not answered.
pub trait Answer {
    /// The answer's arguments. `None`: no answer.
    ///
    /// # Errors
    /// [`SerializeError`] if one of them is no JSON.
    fn answer(&self) -> Result<Option<Arguments>, SerializeError>;
}

impl<T: ToArguments + ?Sized> Answer for T {
    fn answer(&self) -> Result<Option<Arguments>, SerializeError> {
        self.to_arguments().map(Some)
    }
}

impl<T: ToArguments, E: ToArguments> Answer for Result<T, E> {
    fn answer(&self) -> Result<Option<Arguments>, SerializeError> {
        match self {
            Ok(value) => value.answer(),
            Err(error) => error.answer(),
        }
    }
}

impl<T: ToArguments> Answer for Result<T, EmitError> {
    fn answer(&self) -> Result<Option<Arguments>, SerializeError> {
        match self {
            Ok(value) => value.answer(),
            Err(error) => {
                tracing::debug!(%error, "a handler could not emit");
                Ok(None)
            }
        }
    }
}

/// What a handler of an event may give back: an [`Answer`], or a future of one (`Future<Output: Answer> + Send + 'static`).
///
/// All of these have it, and there is nothing to implement. `M` only tells the two kinds apart: the compiler finds it, and nobody writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an answer to an event nor a future of one",
    note = "an answer is what can be sent: `()`, a tuple of arguments, or one of a known type (`(value,)` of your own)",
    note = "or a `Result` of two of these; a future must be `Send`"
)]
pub trait Reply<M>: Sized {
    /// Answers, or says what is to be done until it can.
    #[doc(hidden)]
    fn reply(self, ack: Option<AckSender>) -> Option<Work>;

    /// The answer, where no client waits for it.
    #[doc(hidden)]
    fn given(self) -> Later<Answered>;
}

/// What a handler that nobody waits for may give back: nothing, or a future of that (`Future<Output = ()> + Send + 'static`).
///
/// As with [`Reply`], `M` tells the two apart, and nobody writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither `()` nor a future of it",
    note = "nobody waits for an answer here; a future must be `Send`"
)]
pub trait Finish<M>: Sized {
    /// Says what is still to be done.
    #[doc(hidden)]
    fn finish(self) -> Option<Work>;
}

/// For `M`: it is there. Public because a public trait has it, and named nowhere outside.
#[doc(hidden)]
#[derive(Debug)]
pub enum Plain {}

/// For `M`: it is a future.
#[doc(hidden)]
#[derive(Debug)]
pub enum Awaited {}

impl<A: Answer> Reply<Plain> for A {
    fn reply(self, ack: Option<AckSender>) -> Option<Work> {
        answer(&self, ack);
        None
    }

    fn given(self) -> Later<Answered> {
        Box::pin(ready(self.answer()))
    }
}

impl<F> Reply<Awaited> for F
where
    F: Future + Send + 'static,
    F::Output: Answer,
{
    fn reply(self, ack: Option<AckSender>) -> Option<Work> {
        Some(Box::pin(async move { answer(&self.await, ack) }))
    }

    fn given(self) -> Later<Answered> {
        Box::pin(async move { self.await.answer() })
    }
}

impl Finish<Plain> for () {
    fn finish(self) -> Option<Work> {
        None
    }
}

impl<F: Future<Output = ()> + Send + 'static> Finish<Awaited> for F {
    fn finish(self) -> Option<Work> {
        Some(Box::pin(self))
    }
}

fn answer(answer: &impl Answer, ack: Option<AckSender>) {
    let Some(ack) = ack else { return };
    match answer.answer() {
        Ok(Some(arguments)) => ack.send_arguments(&arguments),
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "a handler's answer is no JSON"),
    }
}
