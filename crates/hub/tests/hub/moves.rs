//! Owners that hear of moves by others, and have the truth in the end.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use fanfare_hub::{Allowance, Command, Connect, Direction, Expulsion, Owner, Room, RoomsBound, SocketId, Target};
use socketio_codec::Namespace;

use crate::support::{Dice, Peer, World, socket};

const ROOT: Namespace = Namespace::ROOT;

/// What an owner was told and has not looked at.
#[derive(Default)]
struct Told(Mutex<Vec<(Direction, Vec<Room>)>>);

impl Told {
    fn take(&self) -> Vec<(Direction, Vec<Room>)> {
        std::mem::take(&mut *self.0.lock().expect("no test panics while it holds this"))
    }
}

impl Owner for Told {
    fn expelled(&self, _: SocketId, _: Expulsion) {}

    fn moved(&self, _: SocketId, direction: Direction, rooms: &[Room]) {
        self.0.lock().expect("no test panics while it holds this").push((direction, rooms.to_vec()));
    }
}

fn connected(world: &World, number: u64) -> (Arc<Told>, Arc<Allowance>) {
    let told = Arc::new(Told::default());
    let connect =
        Connect { socket: socket(number), namespace: ROOT, recipient: Peer::new(), owner: Arc::clone(&told) as _ };
    world.hub.connect(connect, None);
    (told, world.hub.allowance())
}

fn moves(world: &World, target: Target, direction: Direction, rooms: &[&str], by: Option<&Arc<Allowance>>) {
    let rooms = rooms.iter().map(|room| Room::from(*room)).collect();
    let command = match direction {
        Direction::Join => Command::Join { target, rooms },
        Direction::Leave => Command::Leave { target, rooms },
    };
    world.hub.apply(command, by);
}

fn rooms(names: &[&str]) -> Vec<Room> {
    names.iter().map(|room| Room::from(*room)).collect()
}

#[test]
fn others_moves_are_told_as_far_as_they_change_something_and_own_ones_are_not() {
    use Direction::{Join, Leave};
    let mut world = World::new(2);
    let (told, own) = connected(&world, 1);
    let (other_told, other) = connected(&world, 2);
    let only = || Target::socket(ROOT, socket(1));
    moves(&world, only(), Join, &["a", "b"], Some(&own));
    moves(&world, only(), Leave, &["b"], Some(&own));
    world.run();
    assert_eq!(told.take(), []);
    // A program, one that is in a room with it, and one that means everyone and so itself.
    moves(&world, only(), Join, &["a", "b", "c"], None);
    moves(&world, Target::everyone(ROOT).to("a"), Leave, &["a", "x"], Some(&other));
    moves(&world, Target::everyone(ROOT), Join, &["d"], Some(&own));
    world.run();
    let expected = [(Join, rooms(&["b", "c"])), (Leave, rooms(&["a"])), (Join, rooms(&["d"]))];
    assert_eq!(told.take(), expected);
    assert_eq!(other_told.take(), [(Join, rooms(&["d"]))]);
    moves(&world, only(), Join, &["d", "e"], Some(&own));
    world.run();
    assert_eq!(told.take(), [(Join, rooms(&["e"]))], "which of both came first is told from now on");
}

#[test]
fn who_is_in_as_many_rooms_as_may_be_is_let_into_no_other() {
    let mut world = World::new(2);
    let (told, _) = connected(&world, 1);
    connected(&world, 2);
    world.hub.join(Target::socket(ROOT, socket(1)), rooms(&["a", "b"]));
    let bound = RoomsBound { rooms_max: 3, refused: Arc::default() };
    let own = socket(1).to_string();
    world.hub.join_within(Target::everyone(ROOT), rooms(&["b", "c", &own, "d", "a", "e"]), bound.clone());
    world.run();
    told.take();
    let rooms_of = |world: &mut World, number| {
        let found = world.fetch_sockets(Target::socket(ROOT, socket(number))).remove(0).rooms;
        found.into_iter().collect::<BTreeSet<_>>()
    };
    assert_eq!(rooms_of(&mut world, 1), BTreeSet::from_iter(rooms(&["a", "b", "c"])), "those it was in stay");
    assert_eq!(rooms_of(&mut world, 2), BTreeSet::from_iter(rooms(&["b", "c", &own])));
    assert_eq!(bound.refused.load(Ordering::Relaxed), 2 + 3);
    // What the program itself asks for has no bound, and what is too much already is taken from nobody.
    world.hub.join(Target::socket(ROOT, socket(1)), rooms(&["d", "e"]));
    world.hub.join_within(Target::everyone(ROOT), rooms(&["f"]), bound.clone());
    world.run();
    assert_eq!(told.take(), [(Direction::Join, rooms(&["d", "e"]))]);
    assert_eq!(rooms_of(&mut world, 1).len(), 5);
    let counts = world.hub.counts();
    assert_eq!(counts[&ROOT].rooms, 6, "a, b, c, d, e, and one named by a socket");
}

#[test]
fn whoever_notes_its_own_moves_and_what_it_is_told_has_the_truth() {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut world = World::new(1);
        let (told, own) = connected(&world, 1);
        let mut noted = BTreeSet::new();
        let note = |noted: &mut BTreeSet<Room>, direction, rooms: &[Room]| {
            for room in rooms {
                match direction {
                    Direction::Join => noted.insert(room.clone()),
                    Direction::Leave => noted.remove(room),
                };
            }
        };
        let look = |noted: &mut BTreeSet<Room>| {
            told.take().into_iter().for_each(|(direction, rooms)| note(noted, direction, &rooms));
        };
        for _ in 0..40 {
            let room = NAMES[dice.roll(3)];
            let direction = if dice.one_in(2) { Direction::Join } else { Direction::Leave };
            let only = Target::socket(ROOT, socket(1));
            match dice.roll(6) {
                0 | 1 => moves(&world, only, direction, &[room], None),
                2 | 3 => {
                    note(&mut noted, direction, &rooms(&[room]));
                    moves(&world, only, direction, &[room], Some(&own));
                }
                4 => world.run(),
                _ => look(&mut noted),
            }
        }
        world.run();
        look(&mut noted);
        let found = world.fetch_sockets(Target::everyone(ROOT)).remove(0).rooms;
        assert_eq!(noted, BTreeSet::from_iter(found), "seed {seed}");
    }
}
