//! The client bundle, where the configuration has a folder for it.

use socketio::ClientBundle;

use crate::config::Config;

/// # Errors
/// Why the files that are to be served cannot be.
pub(crate) fn read_bundle(config: &Config) -> Result<Option<ClientBundle>, String> {
    config.client_dir.as_deref().map(ClientBundle::read).transpose().map_err(|error| error.to_string())
}
