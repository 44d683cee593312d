//! Another generation holds: each client moves over to it by itself, before anything else it does.

use std::mem;
use std::sync::Arc;

use policy::{Auth, Moves};
use socketio::Socket;

use super::live::{Common, Regime};
use super::member::Relayed;

impl Relayed {
    /// Moves over if another generation holds by now. Asked at each event, and whenever its task runs.
    pub(super) fn keep_up(&mut self, socket: &Socket) {
        if self.live.is_past(&self.regime) {
            let Moves { leave, join, .. } = self.move_over(socket);
            leave.into_iter().for_each(|room| socket.leave(room));
            join.into_iter().for_each(|room| socket.join(room));
        }
    }

    /// The same for one that has joined none of its rooms yet.
    pub(super) fn move_over_unseen(&mut self, socket: &Socket) {
        if self.live.is_past(&self.regime) {
            self.move_over(socket);
        }
    }

    #[cold]
    fn move_over(&mut self, socket: &Socket) -> Moves {
        let generation = self.live.current();
        let Some(regime) = generation.regime(socket.namespace().as_str()) else {
            // Its namespace goes, and it goes with it: until then nothing changes for it, but that somebody has to vouch for it.
            self.reconsider_by(Auth::Optional, &generation.common);
            return Moves::default();
        };
        let old = mem::replace(&mut self.regime, Arc::clone(regime));
        let Regime { rules, common, .. } = &**regime;
        let now = tokio::time::Instant::now().into_std();
        let moves = match Arc::ptr_eq(rules, &old.rules) {
            true => Moves::default(),
            false => rules.succeed(&mut self.participant, &old.rules, now),
        };
        for (room, why) in &moves.missing {
            tracing::debug!(socket = %socket.id(), room, why = %why.message, "it does not join a room of the new rules");
        }
        if common.renewal != old.common.renewal
            && let Some(standing) = &mut self.standing
        {
            standing.live_by(&common.renewal);
        }
        self.reconsider();
        moves
    }

    /// Sees whether it may stay as things are. If not, its connection ends within the grace: so it comes back, and is judged
    /// like everybody else.
    pub(super) fn reconsider(&mut self) {
        let regime = Arc::clone(&self.regime);
        self.reconsider_by(regime.rules.auth(), &regime.common);
    }

    fn reconsider_by(&mut self, auth: Auth, common: &Common) {
        let why = match self.standing.as_ref().and_then(|standing| standing.voucher()) {
            Some(voucher) if !common.authenticator.still_vouches(voucher) => Some("issuer_removed"),
            None if auth == Auth::Required => Some("auth_required"),
            _ => None,
        };
        match (why, &mut self.standing) {
            (Some(why), standing) => standing.get_or_insert_default().leave_within(common.renewal.grace, why),
            (None, Some(standing)) => standing.stay(),
            (None, None) => {}
        }
    }
}
