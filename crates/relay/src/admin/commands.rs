//! What administrators ask for.

use serde::de::DeserializeOwned;
use socketio::codec::{EventName, Limits, Text};
use socketio::{Arguments, Broadcast, Event};

/// A command that was understood. A room is a room or the id of a socket; without one, everybody in the namespace is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) namespace: String,
    pub(super) room: Option<String>,
    pub(super) deed: Deed,
}

/// What is to be done with those who are meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Emit(EventName, Arguments),
    Join(String),
    Leave(String),
    Disconnect { connection: bool },
}

impl Command {
    /// Reads one, or says what is wrong with it.
    ///
    /// The reference takes an empty name of a room for everybody. Here it is a mistake: nothing goes to everybody by accident.
    pub(super) fn read(event: &Event, limits: &Limits) -> Result<Self, &'static str> {
        let arguments = event.arguments();
        let namespace = argument(arguments, 0).ok_or("expected a namespace")?;
        let (room, deed) = match &*event.name() {
            "emit" => (1, emit(arguments, limits)?),
            "join" => (2, Deed::Join(room(argument(arguments, 1))?)),
            "leave" => (2, Deed::Leave(room(argument(arguments, 1))?)),
            "_disconnect" => {
                let connection = argument::<Option<bool>>(arguments, 1).ok_or("expected true or false")?;
                (2, Deed::Disconnect { connection: connection.unwrap_or(false) })
            }
            _ => return Err("expected emit, join, leave or _disconnect"),
        };
        let room = match arguments.raw(room) {
            None | Some("null") => None,
            Some(_) => Some(self::room(argument(arguments, room))?),
        };
        Ok(Self { namespace, room, deed })
    }

    /// The word by which it is counted.
    pub(super) fn word(&self) -> &'static str {
        match self.deed {
            Deed::Emit(..) => "emit",
            Deed::Join(_) => "join",
            Deed::Leave(_) => "leave",
            Deed::Disconnect { .. } => "disconnect",
        }
    }

    /// Does it to some of `everyone` in its namespace.
    pub(super) fn carry_out(self, everyone: Broadcast) {
        let to = match self.room {
            Some(room) => everyone.to(room),
            None => everyone,
        };
        match self.deed {
            Deed::Emit(name, arguments) => to.relay(name.raw(), &arguments),
            Deed::Join(room) => to.join(room),
            Deed::Leave(room) => to.leave(room),
            Deed::Disconnect { connection: true } => to.disconnect_connections(),
            Deed::Disconnect { connection: false } => to.disconnect(),
        }
    }
}

/// Everything behind the namespace, the room and the name, as it came.
fn emit(arguments: &Arguments, limits: &Limits) -> Result<Deed, &'static str> {
    let name = argument::<String>(arguments, 2).ok_or("expected the name of an event")?;
    let name = EventName::new(&name).map_err(|_| "expected a name that is not reserved")?;
    let rest: Vec<&str> = arguments.iter().skip(3).collect();
    let list = Text::from(format!("[{}]", rest.join(",")));
    // What is binary can only be behind the first three, which are texts: so all of it is of the rest.
    let arguments = Arguments::within(list, arguments.attachments().to_vec(), limits);
    Ok(Deed::Emit(name, arguments.map_err(|_| "expected arguments as clients send them")?))
}

fn argument<T: DeserializeOwned>(arguments: &Arguments, n: usize) -> Option<T> {
    arguments.raw(n)?;
    arguments.deserialize(n).ok()
}

fn room(name: Option<String>) -> Result<String, &'static str> {
    name.filter(|name| (1..=ROOM_BYTES_MAX).contains(&name.len())).ok_or("expected one room, or the id of a socket")
}

/// As in the HTTP API.
const ROOM_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Command, &'static str> {
        Command::read(
            &Event::from_json(json.to_owned().into(), vec![], &Limits::default()).unwrap(),
            &Limits::default(),
        )
    }

    fn command(room: Option<&str>, deed: Deed) -> Result<Command, &'static str> {
        Ok(Command { namespace: "/".into(), room: room.map(str::to_owned), deed })
    }

    #[test]
    fn what_the_page_sends_is_understood() {
        let emitted = |list: &str| {
            Deed::Emit(EventName::new("x").unwrap(), Arguments::from_json(list.to_owned().into()).unwrap())
        };
        for (json, expected) in [
            (r#"["emit","/",null,"x"]"#, command(None, emitted("[]"))),
            (r#"["emit","/","r","x",1,{"a":[1.50]},"é"]"#, command(Some("r"), emitted(r#"[1,{"a":[1.50]},"é"]"#))),
            (r#"["join","/","new"]"#, command(None, Deed::Join("new".into()))),
            (r#"["join","/","new","old"]"#, command(Some("old"), Deed::Join("new".into()))),
            (r#"["leave","/","new",null]"#, command(None, Deed::Leave("new".into()))),
            (r#"["_disconnect","/",true,"id"]"#, command(Some("id"), Deed::Disconnect { connection: true })),
            (r#"["_disconnect","/",false]"#, command(None, Deed::Disconnect { connection: false })),
            (r#"["_disconnect","/",null]"#, command(None, Deed::Disconnect { connection: false })),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_command_does_nothing() {
        let rooms: Vec<String> = (0..100_000).map(|number| format!("\"{number}\"")).collect();
        let rooms = rooms.join(",");
        for json in [
            r#"["x"]"#,
            r#"["emit"]"#,
            r#"["emit",1,null,"x"]"#,
            r#"["emit","/",null]"#,
            r#"["emit","/",null,"disconnect"]"#,
            r#"["emit","/","","x"]"#,
            r#"["emit","/",{},"x"]"#,
            r#"["join","/"]"#,
            r#"["join","/","","r"]"#,
            r#"["join","/","r",["a","b"]]"#,
            r#"["leave","/",["a"]]"#,
            r#"["_disconnect","/","yes"]"#,
            r#"["_disconnect","/",true,""]"#,
            &format!(r#"["join","/",[{rooms}]]"#),
            &format!(r#"["_disconnect","/",true,[{rooms}]]"#),
            &format!(r#"["join","/","{}"]"#, "r".repeat(1025)),
        ] {
            assert!(read(json).is_err(), "{}", &json[..json.len().min(60)]);
        }
    }
}
