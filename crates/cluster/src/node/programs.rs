//! What peers say to the program: `serverSideEmit`.

use socketio::Told;
use socketio::codec::{Arguments, EventName, Limits};

use super::place::Place;
use super::shared::Shared;

/// Has the program told of it, and counts it if nobody is. What comes back is handed to `answer`, if it has begun.
pub(crate) fn tell(
    shared: &Shared,
    place: &Place,
    data: &Arguments,
    answer: impl FnOnce(Arguments) + Send + 'static,
) -> Told {
    let told = match event(data, &shared.bounds.values) {
        Some((name, arguments)) => shared.local.server_side_emit(place.namespace(), name, arguments, answer),
        None => Told::Nobody,
    };
    match told {
        Told::Nobody => shared.counters.server_side.add(1),
        Told::TooMuch => shared.counters.unanswered.add(1),
        _ => {}
    }
    told
}

/// The name that stands first, if an event may be called so, and what stands behind it.
fn event(data: &Arguments, limits: &Limits) -> Option<(EventName, Arguments)> {
    // Bytes would be read as text too.
    data.raw(0).filter(|raw| raw.starts_with('"'))?;
    let name = EventName::new(&data.deserialize::<String>(0).ok()?).ok()?;
    let rest: Vec<&str> = data.iter().skip(1).collect();
    let list = format!("[{}]", rest.join(","));
    let arguments = Arguments::within(list.into(), data.attachments().to_vec(), limits).ok()?;
    Some((name, arguments))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use socketio::Attachment;

    use super::*;

    fn read(data: &Arguments) -> Option<(String, Arguments)> {
        event(data, &Limits::default()).map(|(name, arguments)| (name.raw().decode().into_owned(), arguments))
    }

    #[test]
    fn the_name_stands_first_and_is_one_that_a_client_could_say() {
        let (name, arguments) = read(&Arguments::serialize(&("e\"", 1, ["x"])).unwrap()).unwrap();
        assert_eq!((name.as_str(), arguments.as_str(), arguments.len()), ("e\"", r#"1,["x"]"#, 2));
        let (_, arguments) = read(&Arguments::serialize(&("e",)).unwrap()).unwrap();
        assert!(arguments.is_empty());
        let bytes = || Attachment(Bytes::from_static(b"ab"));
        let (_, arguments) = read(&Arguments::serialize(&("e", [bytes()], 1, bytes())).unwrap()).unwrap();
        assert_eq!((arguments.len(), arguments.attachments().len()), (3, 2));
        assert_eq!(arguments.attachment(2).unwrap(), "ab");
        for wrong in
            [Arguments::serialize(&(1, "e")), Arguments::serialize(&("disconnect",)), Arguments::serialize(&())]
        {
            assert!(read(&wrong.unwrap()).is_none());
        }
        let named_by_bytes = Arguments::serialize(&(bytes(), 1)).unwrap();
        assert!(read(&named_by_bytes).is_none());
    }
}
