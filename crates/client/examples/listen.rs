//! Prints what happens in a namespace.
//!
//! ```text
//! cargo run -p fanfare-client --example listen [-- http://127.0.0.1:3000/chat]
//! ```

use std::error::Error;

use fanfare_client::{Client, Happening, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1:3000".to_owned());
    let mut client = Client::new(Options::new(&url)?)?;
    while let Some(happening) = client.next().await {
        match happening {
            Happening::Connected { id } => eprintln!("connected as {id}"),
            Happening::Event { event, .. } => println!("{} {:?}", event.name(), event.arguments()),
            Happening::Lost { why, retry_in } | Happening::Failed { why, retry_in } => {
                eprintln!("{why}; again in {retry_in:.1?}");
            }
            Happening::Ended(end) => return Err(end.into()),
            _ => {}
        }
    }
    Ok(())
}
