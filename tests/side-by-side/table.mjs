// The table: what is sent to both relays, row by row through PROTOCOL.md.
//
//   name      a sentence, unique within its section
//   play      what is done with a relay (see conversation.mjs); what comes back is written down and compared
//   profile   the settings of both relays (see profiles.mjs); `plain` unless said
//   seen      what must be in the reference's transcript: so that no row compares two silences
//   ownRelay  the row ends its relay, so it gets one of its own
//   exact     the JSON of an event is compared letter by letter, not by what it means
//   loose     the reference's own answer depends on timing: why; the row is played but not compared
//
// What we do otherwise on purpose is listed in differences.mjs.
import { bundle, cors } from './rows/cors.mjs';
import { handshake } from './rows/handshake.mjs';
import { connectTimeout, heartbeat, shutdown } from './rows/heartbeat.mjs';
import { compression, jsonp, polling } from './rows/polling.mjs';
import { socketio } from './rows/socketio.mjs';
import { suites } from './rows/suites.mjs';
import { upgrades, websocket } from './rows/websocket.mjs';

export const table = {
  handshake, polling, jsonp, compression, cors, bundle, websocket, upgrades, heartbeat, connectTimeout, shutdown, socketio, suites,
};
