//! `fanfare listen` and `fanfare emit`: a Socket.IO client for a shell, for the relay and any other server.
//!
//! In reading order: [`args`] (what is typed), [`wanted`] (what it means, or what is wrong with it: before anything is
//! sent) with [`input`], [`listen`](mod@listen), [`emit`](mod@emit), [`line`](mod@line) (an event as a line), [`say`](mod@say) (where lines
//! go), [`stop`] (when to end), [`status`] (how it ended); and [`api`](mod@api), which asks a
//! relay's HTTP API.

mod api;
mod args;
mod emit;
mod input;
mod line;
mod listen;
mod say;
mod status;
mod stop;
mod wanted;

use std::future::Future;
use std::process::ExitCode;

use tokio::runtime::Builder;

pub(crate) use api::ApiArgs;
pub(crate) use args::{EmitArgs, ListenArgs};
use say::note;
use status::Status;

use crate::cli::Flags;

/// `fanfare listen`.
pub(crate) fn listen(arguments: &ListenArgs, flags: &Flags) -> ExitCode {
    let wanted = flags.unfit("listen", &["--path"]).and_then(|()| wanted::listening(arguments));
    run(wanted.map(listen::listen))
}

/// `fanfare emit`.
pub(crate) fn emit(arguments: &EmitArgs, flags: &Flags) -> ExitCode {
    let wanted = flags.unfit("emit", &["--path"]).and_then(|()| wanted::emitting(arguments));
    run(wanted.map(emit::emit))
}

/// `fanfare api`.
pub(crate) fn api(arguments: &ApiArgs, flags: &Flags) -> ExitCode {
    let asking = flags.unfit("api", &[]).and_then(|()| api::asking(arguments));
    run(asking.map(api::api))
}

fn run(wanted: Result<impl Future<Output = Status>, String>) -> ExitCode {
    let status = match (wanted, Builder::new_current_thread().enable_all().build()) {
        (Ok(command), Ok(runtime)) => {
            let status = runtime.block_on(command);
            // What waits for a reader that does not read is not waited for.
            runtime.shutdown_background();
            status
        }
        (Err(problem), _) => {
            note(&problem);
            Status::Misused
        }
        (Ok(_), Err(error)) => {
            note(&format!("cannot start: {error}"));
            Status::Failed
        }
    };
    status.into()
}
