//! What one peer sends in one namespace, as it says and as we hear.

/// Compares what is said with what is heard, from one heartbeat to the next.
///
/// A heartbeat goes the same way as the messages before it, so whatever it counts and has not come will not come. What comes
/// late nevertheless (a Redis Cluster has more ways than one, and so has a node whose connection died) was counted as missed,
/// and then shows as surplus.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    /// What it had sent at its last heartbeat that we heard. `None`: there was none.
    said: Option<u64>,
    /// What came since.
    heard: u64,
}

/// What a heartbeat brought to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Difference {
    /// Sent and not heard.
    pub(super) missed: u64,
    /// Heard and not sent: twice, or late.
    pub(super) surplus: u64,
}

impl Counter {
    pub(super) fn hear(&mut self) {
        self.heard = self.heard.saturating_add(1);
    }

    pub(super) fn compare(&mut self, says: u64) -> Difference {
        let heard = std::mem::take(&mut self.heard);
        match self.said.replace(says) {
            // Only what was sent between two heartbeats can be compared; and who says less than before counts anew.
            None => Difference::default(),
            Some(said) if says < said => Difference::default(),
            // Who never said anything of this namespace does not count it.
            Some(0) if says == 0 => Difference::default(),
            Some(said) => {
                Difference { missed: (says - said).saturating_sub(heard), surplus: heard.saturating_sub(says - said) }
            }
        }
    }
}
