//! There may be more fields: a test begins with `Handshake::new`.

fn main() {
    let made = socketio::Handshake::new("/socket.io/?EIO=4&transport=polling".parse().unwrap());
    let socketio::Handshake { connection, peer, address, transport, headers, uri, extensions, time } = made;
    drop((connection, peer, address, transport, headers, uri, extensions, time));
}
