//! Random operations on the hub and on a naive list of pairs, compared after each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Emit, Expulsion, Outcome, Room, SocketId, Target};
use socketio_codec::Namespace;

use crate::support::{Behaviour, Dice, Peer, World, cell, namespace, receipt, socket, take};

#[test]
fn random_operations_leave_the_hub_equal_to_a_list_of_pairs() {
    for seed in 0..60 {
        println!("seed {seed}");
        let mut run = Run::new(seed);
        for _ in 0..400 {
            run.step();
            run.compare();
        }
        run.disconnect_all();
    }
}

/// The slow version of everything: who is connected, and pairs of socket and room.
#[derive(Default)]
struct Model {
    sockets: Vec<ModelSocket>,
    pairs: Vec<(SocketId, Room)>,
}

struct ModelSocket {
    id: SocketId,
    namespace: Namespace,
    peer: Arc<Peer>,
    behaviour: Behaviour,
    /// What it must have received since the last comparison.
    expected: Vec<String>,
}

/// A target as the model understands it.
#[derive(Debug)]
struct Question {
    namespace: Namespace,
    only: Option<SocketId>,
    rooms: Vec<Room>,
    except: Vec<Room>,
    except_sockets: Vec<SocketId>,
}

impl Question {
    fn target(&self) -> Target {
        let start = match self.only {
            Some(socket) => Target::socket(self.namespace.clone(), socket),
            None => Target::everyone(self.namespace.clone()),
        };
        let target = self.rooms.iter().cloned().fold(start, Target::to);
        let target = self.except.iter().cloned().fold(target, Target::except);
        self.except_sockets.iter().copied().fold(target, Target::except_socket)
    }
}

impl Model {
    fn is_in(&self, socket: SocketId, room: &Room) -> bool {
        Room::from(socket) == *room || self.pairs.iter().any(|(id, name)| *id == socket && name == room)
    }

    fn meant(&self, question: &Question) -> Vec<usize> {
        let is_meant = |socket: &ModelSocket| {
            let in_any = |rooms: &[Room]| rooms.iter().any(|room| self.is_in(socket.id, room));
            let everyone = question.only.is_none() && question.rooms.is_empty();
            let reached = everyone || question.only == Some(socket.id) || in_any(&question.rooms);
            socket.namespace == question.namespace
                && reached
                && !in_any(&question.except)
                && !question.except_sockets.contains(&socket.id)
        };
        (0..self.sockets.len()).filter(|index| is_meant(&self.sockets[*index])).collect()
    }

    fn join(&mut self, socket: SocketId, room: &Room) {
        if !self.is_in(socket, room) {
            self.pairs.push((socket, room.clone()));
        }
    }

    fn leave(&mut self, socket: SocketId, room: &Room) {
        self.pairs.retain(|pair| *pair != (socket, room.clone()));
    }

    fn remove(&mut self, index: usize) -> ModelSocket {
        let gone = self.sockets.remove(index);
        self.pairs.retain(|(socket, _)| *socket != gone.id);
        gone
    }

    fn rooms_of(&self, socket: SocketId) -> Vec<Room> {
        let mut rooms: Vec<Room> =
            self.pairs.iter().filter(|(id, _)| *id == socket).map(|(_, room)| room.clone()).collect();
        rooms.sort();
        rooms
    }
}

struct Run {
    dice: Dice,
    world: World,
    model: Model,
    next: u64,
    namespaces: [Namespace; 2],
    /// Ids of the past: asking for them must do nothing.
    past: Vec<SocketId>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        Self {
            world: World::new(1 + dice.roll(4)),
            dice,
            model: Model::default(),
            next: seed << 32,
            namespaces: [Namespace::ROOT, namespace("/admin")],
            past: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.dice.roll(20) {
            0..=3 => self.connect(),
            4 => self.disconnect(),
            5..=8 => self.change_rooms(true),
            9..=10 => self.change_rooms(false),
            11 => self.change_behaviour(),
            12 => self.expel(),
            _ => self.emit(),
        }
    }

    fn connect(&mut self) {
        self.next += 1;
        let (id, peer) = (socket(self.next), Peer::new());
        let namespace = self.namespaces[self.dice.roll(2)].clone();
        self.world.connect(id, &namespace, &peer);
        let expected = vec!["hello".to_owned()];
        self.model.sockets.push(ModelSocket { id, namespace, peer, behaviour: Behaviour::Reads, expected });
    }

    fn disconnect(&mut self) {
        let id = self.any_socket();
        self.world.hub.disconnect(id);
        if let Some(index) = self.model.sockets.iter().position(|socket| socket.id == id) {
            self.model.remove(index);
            self.past.push(id);
        }
    }

    fn change_rooms(&mut self, joins: bool) {
        let question = self.question();
        let rooms: Vec<Room> = (0..1 + self.dice.roll(3)).map(|_| self.room()).collect();
        if joins {
            self.world.hub.join(question.target(), rooms.clone());
        } else {
            self.world.hub.leave(question.target(), rooms.clone());
        }
        for index in self.model.meant(&question) {
            let id = self.model.sockets[index].id;
            for room in &rooms {
                if joins { self.model.join(id, room) } else { self.model.leave(id, room) }
            }
        }
    }

    fn change_behaviour(&mut self) {
        let behaviour = [Behaviour::Reads, Behaviour::Stalls, Behaviour::Closed][self.dice.roll(3)];
        if !self.model.sockets.is_empty() {
            let index = self.dice.roll(self.model.sockets.len());
            let socket = &mut self.model.sockets[index];
            socket.peer.behave(behaviour);
            socket.behaviour = behaviour;
        }
    }

    fn expel(&mut self) {
        let question = self.question();
        let from = [Expulsion::Namespace, Expulsion::Connection, Expulsion::Transport("late")][self.dice.roll(3)];
        self.world.hub.expel(question.target(), from);
        self.world.run();
        let farewell = if question.namespace.is_root() { "1" } else { "1/admin," };
        for index in self.model.meant(&question).into_iter().rev() {
            let mut gone = self.model.remove(index);
            if gone.behaviour != Behaviour::Closed && from != Expulsion::Transport("late") {
                gone.expected.push(farewell.to_owned());
            }
            assert_eq!(gone.peer.take_received(), gone.expected);
            assert_eq!(gone.peer.state().expelled, [(gone.id, from)]);
            self.past.push(gone.id);
        }
    }

    fn emit(&mut self) {
        let question = self.question();
        let delivery = if self.dice.one_in(3) { Delivery::Volatile } else { Delivery::Reliable };
        self.next += 1;
        let text = format!("2[\"event\",{}]", self.next);
        let (outcome, receipt) = receipt();
        self.world.hub.emit(Emit {
            target: question.target(),
            encoded: Encoded::text(&text),
            delivery,
            receipt: Some(receipt),
        });
        self.world.run();
        assert_eq!(sorted(take(&outcome)), sorted(self.expected_outcome(&question, delivery, &text)), "{question:?}");
    }

    fn expected_outcome(&mut self, question: &Question, delivery: Delivery, text: &str) -> Outcome {
        let mut expected = Outcome::default();
        for index in self.model.meant(question) {
            let socket = &mut self.model.sockets[index];
            match (socket.behaviour, delivery) {
                (Behaviour::Closed, _) => expected.closed += 1,
                (Behaviour::Stalls, Delivery::Volatile) => expected.dropped += 1,
                _ => {
                    expected.queued += 1;
                    expected.reached.push(socket.id);
                    socket.expected.push(text.to_owned());
                }
            }
        }
        expected
    }

    /// Membership, rooms and what everyone received, by every question there is.
    fn compare(&mut self) {
        self.world.run();
        assert_eq!(self.world.len(), self.model.sockets.len());
        for socket in &mut self.model.sockets {
            assert_eq!(socket.peer.take_received(), std::mem::take(&mut socket.expected), "{:?}", socket.id);
        }
        self.compare_found();
        for namespace in self.namespaces.clone() {
            self.compare_sockets(&namespace);
            self.compare_rooms(namespace);
        }
    }

    fn compare_sockets(&mut self, namespace: &Namespace) {
        let mut found: Vec<(SocketId, Vec<Room>)> = Vec::new();
        for mut info in self.world.fetch_sockets(Target::everyone(namespace.clone())) {
            info.rooms.sort();
            found.push((info.id, info.rooms));
        }
        found.sort();
        let members = self.model.sockets.iter().filter(|socket| socket.namespace == *namespace);
        let mut expected: Vec<_> = members.map(|socket| (socket.id, self.model.rooms_of(socket.id))).collect();
        expected.sort();
        assert_eq!(found, expected);
    }

    fn compare_rooms(&mut self, namespace: Namespace) {
        let (found, complete) = cell();
        self.world.hub.fetch_rooms(namespace.clone(), usize::MAX, complete);
        self.world.run();
        let mut expected: BTreeMap<Room, usize> = BTreeMap::new();
        for (id, room) in &self.model.pairs {
            if self.model.sockets.iter().any(|socket| socket.id == *id && socket.namespace == namespace) {
                *expected.entry(room.clone()).or_default() += 1;
            }
        }
        let counted = self.world.hub.counts().get(&namespace).map_or(0, |counts| counts.rooms);
        assert_eq!(counted, expected.len());
        let mut found_rooms = BTreeMap::new();
        for (room, members) in take(&found).expect("there is no bound") {
            *found_rooms.entry(room).or_default() += members;
        }
        assert_eq!(found_rooms, expected);
    }

    /// Those that a target means, counted and by name.
    fn compare_found(&mut self) {
        let question = self.question();
        let ((number, counted), (ids, named)) = (cell(), cell());
        self.world.hub.count_sockets(question.target(), counted);
        self.world.hub.fetch_ids_within(question.target(), usize::MAX, named);
        self.world.run();
        let mut expected: Vec<_> =
            self.model.meant(&question).into_iter().map(|index| self.model.sockets[index].id).collect();
        expected.sort();
        let mut ids: Vec<SocketId> = take(&ids).expect("there is no bound");
        ids.sort();
        assert_eq!((take(&number), ids), (expected.len(), expected), "{question:?}");
    }

    fn disconnect_all(&mut self) {
        for socket in std::mem::take(&mut self.model.sockets) {
            self.world.hub.disconnect(socket.id);
        }
        self.world.run();
        assert!(self.world.is_empty());
    }

    fn question(&mut self) -> Question {
        let only = self.dice.one_in(4).then(|| self.any_socket());
        let room_count = self.dice.roll(4);
        let except_count = self.dice.roll(5).saturating_sub(2);
        let sender_count = self.dice.roll(2);
        Question {
            namespace: self.namespaces[self.dice.roll(2)].clone(),
            only,
            rooms: (0..room_count).map(|_| self.room()).collect(),
            except: (0..except_count).map(|_| self.room()).collect(),
            except_sockets: (0..sender_count).map(|_| self.any_socket()).collect(),
        }
    }

    /// A room of few, so that they fill; now and then a socket's own.
    fn room(&mut self) -> Room {
        if self.dice.one_in(6) {
            return self.any_socket().into();
        }
        ["a", "b", "c", "d", "räume", ""][self.dice.roll(6)].into()
    }

    /// A socket that is connected, one that was, or one that never will be.
    fn any_socket(&mut self) -> SocketId {
        let past = if self.dice.one_in(10) { self.dice.pick(&self.past).copied() } else { None };
        let live = self.dice.pick(&self.model.sockets).map(|socket| socket.id);
        past.or(live).unwrap_or(socket(u64::MAX))
    }
}

fn sorted(mut outcome: Outcome) -> Outcome {
    outcome.reached.sort();
    outcome
}
