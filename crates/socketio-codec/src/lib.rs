//! socketio-codec
