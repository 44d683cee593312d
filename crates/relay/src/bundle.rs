//! What browsers are given, where the configuration has folders for it: the client bundle, and the Admin UI.

use socketio::ClientBundle;

use crate::admin::Page;
use crate::config::Config;

/// # Errors
/// Why the files that are to be served cannot be.
pub(crate) fn read_bundle(config: &Config) -> Result<Option<ClientBundle>, String> {
    config.client_dir.as_deref().map(ClientBundle::read).transpose().map_err(|error| error.to_string())
}

/// # Errors
/// Why the files that are to be served cannot be.
pub(crate) fn read_page(config: &Config) -> Result<Option<Page>, String> {
    config.admin.dir.as_deref().map(Page::read).transpose()
}
