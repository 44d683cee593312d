//! One of several is not waited for so long that there is no time left for the others.

use std::future::Future;
use std::time::Duration;

use super::address::Endpoint;

/// What one of several servers answers. A host that is gone without a word is what there are several for.
pub(super) async fn in_time<T>(
    asked: impl Future<Output = Result<T, String>>,
    endpoint: &Endpoint,
) -> Result<T, String> {
    match tokio::time::timeout(TIME_MAX, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("{endpoint}: it does not answer")),
    }
}

/// Of the three seconds that a connection may take, so that the second and the third of them are asked too.
const TIME_MAX: Duration = Duration::from_millis(800);
