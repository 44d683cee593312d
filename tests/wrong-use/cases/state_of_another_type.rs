//! The state is what `connect` found out, and nothing else.

struct User;
struct Admin;

fn kick(_: socketio::Joined<Admin>, (): ()) {}

fn main() {
    socketio::Handlers::connect(|_| Ok(User)).on("kick", kick);
}
