//! Reloads, one at a time.
