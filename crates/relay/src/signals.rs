//! What the process is told by signals.

use std::io::{self, IsTerminal};
use std::process;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use tokio::sync::{Notify, watch};

/// How urgently the process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// Nobody has asked for it.
    No,
    /// In good order.
    InOrder,
    /// Without waiting for clients any longer.
    Now,
}

/// What is heard.
pub(crate) struct Heard {
    pub(crate) ending: watch::Receiver<Ending>,
    /// The configuration is to be read anew. Told several times before that is done, it is done once.
    pub(crate) reload: Arc<Notify>,
}

/// Hears signals from here on, instead of being killed by them: SIGTERM and SIGINT end the relay, a second one hurries it,
/// and a third ends the process at once with status 1, whatever it is busy with.
///
/// SIGHUP has the configuration read anew; SIGUSR1 and SIGUSR2, which do nothing, are not to kill.
///
/// # Errors
/// If signals cannot be heard.
pub(crate) fn listen() -> Result<Heard, String> {
    let failed = |error: io::Error| format!("cannot listen for signals: {error}");
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2]).map_err(failed)?;
    let (sender, ending) = watch::channel(Ending::No);
    let reload = Arc::new(Notify::new());
    let heard_reload = Arc::clone(&reload);
    let had_terminal = io::stdin().is_terminal();
    // A thread of its own: the runtime may be what hangs.
    let heard = thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGTERM | SIGINT => hurry(&sender),
                // Its terminal was closed. `nohup` gives a standard input that is none.
                SIGHUP if had_terminal && !io::stdin().is_terminal() => hurry(&sender),
                SIGHUP => heard_reload.notify_one(),
                _ => tracing::info!(signal, "a signal that means nothing here"),
            }
        }
    });
    heard.map_err(failed)?;
    Ok(Heard { ending, reload })
}

fn hurry(ending: &watch::Sender<Ending>) {
    ending.send_modify(|ending| {
        *ending = match *ending {
            Ending::No => Ending::InOrder,
            Ending::InOrder => Ending::Now,
            Ending::Now => process::exit(1),
        }
    });
}
