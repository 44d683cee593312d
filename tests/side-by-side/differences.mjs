// Where the relay answers otherwise than the reference on purpose: 'section: row' → the reason. docs/protocol.md
// tells users the same. A row listed here that no longer differs fails, so the list stays true.

const because = (reason, section, ...names) => names.map((name) => [`${section}: ${name}`, reason]);

export const differences = Object.fromEntries([
  // Handshake
  ...because('a parameter that is there twice says two things, so it says nothing; no client sends it', 'handshake',
    'of a duplicated parameter the last counts', 'a duplicated transport whose last is unknown'),

  ...because('two readers of one request must not find it to be for two hosts', 'handshake', 'HTTP/1.1 with two Hosts'),
  ...because('hyper takes a hundred lines, and to raise that costs every request; those of x- headers are joined', 'handshake',
    '200 cookie lines'),

  // Who may
  ...because('a page that is not allowed is kept out, not only from reading; the reference lets any page open a WebSocket', 'cors',
    ...['corsList', 'corsOne', 'corsCredentials'].flatMap((profile) =>
      ['a handshake', 'a WebSocket'].map((what) => `${profile}: ${what} from a foreign origin`)),
    ...['a foreign origin gets no header', 'a foreign origin by WebSocket', 'a POST from a foreign origin'].map((what) =>
      `plain: without CORS ${what}`), 'without CORS a preflight is a handshake by a wrong method'),

  // Polling
  ...because('what a client is sure to be let into it may speak in at once; the reference forgets the event, and closes', 'polling',
    'an event in the same payload as its CONNECT'),
  ...because('base64 is read strictly: what is not in its alphabet is a broken packet, not something to skip', 'polling',
    'base64url instead of base64', 'what is no base64 as a binary message'),
  ...because('what is not UTF-8 is refused, as over WebSocket, not repaired with replacement characters', 'polling',
    'bytes that are not UTF-8'),
  ...because('a method that is not GET or POST is the client\'s fault, so 405, not 500', 'polling',
    ...['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'].map((method) => `${method} with a sid`)),
  ...because('who breaks the protocol is not waited for: the session is gone at once; the reference waits for the next poll, to tell it', 'polling',
    'an empty message', 'a refused packet while no poll waits is told by the next poll'),
  ...because('the POST that was overlapped is answered; the reference drops its connection', 'polling',
    'a second POST while one is read'),
  ...because('the rest of a body that is over the limit is not read, so its connection cannot be used again', 'polling',
    'a body one byte over the limit', 'a chunked body over the limit'),

  ...because('one request of a connection is handled after the other, answer included; clients and proxies use two', 'polling',
    'a POST behind a waiting poll on the same connection'),
  ...because('longer than proxies keep theirs, or one of them sends a request into a connection that is being closed', 'polling',
    'a connection that is idle for eight seconds'),
  ...because('what is under way to a client that does not read is in its bound; the rest comes in the next answer', 'polling',
    'what waits is more than maxPayload'),

  // JSONP
  ...because('each request says itself whether it wants JSONP, and under which number', 'jsonp',
    'a poll by JSONP escapes what a script cannot hold', 'a JSONP session'),
  ...because('each request says itself whether it wants JSONP', 'compression', 'a large answer by JSONP'),

  // The bundle
  ...because('caches must know that the answer depends on Accept-Encoding; a 304 repeats the ETag (RFC 9110)', 'bundle',
    'a copy that is still good', 'a compressed bundle', 'the bundle with a query', 'the bundle for another origin',
    ...['', '.min', '.esm.min', '.msgpack.min'].flatMap((kind) => [`the bundle socket.io${kind}.js`, `the bundle socket.io${kind}.js.map`])),

  // WebSocket
  ...because('refused before the upgrade; the reference upgrades and then writes an HTTP answer into the WebSocket', 'websocket',
    'a WebSocket with no EIO', 'a WebSocket with EIO 3'),
  ...because('told at once with 404; the reference drops the connection after a second', 'websocket', 'a WebSocket at another path'),
  ...because('a close packet closes, as the protocol says and as it does over polling; the reference ignores it', 'websocket',
    'a close', 'a close with data'),
  ...because('answered; the reference holds the request for ever', 'upgrades',
    'a plain GET by websocket for a session that began over WebSocket'),
  ...because('a session that is on WebSocket cannot be upgraded to it; the reference lets a second one take it over', 'upgrades',
    'a second WebSocket for a session that began over WebSocket'),

  // Shutdown
  ...because('a connection that just ends is a loss to every client; to some an orderly end is final', 'shutdown',
    'a waiting poll when the relay ends'),

  // Socket.IO
  ...because('a namespace is at most 256 bytes long', 'socketio', 'CONNECT to a namespace of 10,000 letters'),
  ...because('credentials may take 16 KiB; more is refused, by name', 'socketio', 'CONNECT with a payload of 17 kB'),
  ...because('whoever goes on asking where it is refused is closed: an answer each time would be work without end', 'socketio',
    'CONNECT to a namespace that does not exist, 150 times'),
  ...because('the query of a namespace is ignored, as for clients of the protocol before; the reference takes it as part of the name', 'socketio',
    'CONNECT to / with a query', 'CONNECT to a namespace with a query after its name'),
  ...because('digits are digits: the reference takes whatever JavaScript makes a number of, a space too', 'socketio',
    '40  instead of CONNECT', '42 ["x"] after CONNECT',
    ...['451e0-', '45 1-', '451.0-', '450x1-', '45+1-'].map((head) => `the count ${head} of one attachment`)),
  ...because('a number that no double holds becomes null in the reference, and ends the packet or the connection at many receivers',
    'socketio', '42["x",1e999] after CONNECT', `42["x",${'9'.repeat(33)}… (408) after CONNECT`),
  ...because('what JavaScript reads as the same passes as it came: a relayed payload is checked, not written anew', 'socketio',
    'numbers in other writings, letter by letter', 'a member that is there twice, letter by letter'),
  ...because('clients in other languages recurse', 'socketio', 'JSON nested 200 levels deep'),
  ...because('JavaScript cannot call a function with many more', 'socketio', '10,001 arguments'),
  ...because('an ack id above 2^53-1 could not be answered: the reference answers to another one', 'socketio',
    '4299999999999999999999["x"] after CONNECT', `42${'1'.repeat(38)}… (407) after CONNECT`),
  ...because('payload and attachments pass as they came; the reference takes them apart and numbers anew, which decodes to the same', 'socketio',
    'two attachments, placed in the other order', 'an attachment that no placeholder names', 'a placeholder with more keys',
    'a placeholder with its keys in the other order', 'a placeholder that is not true', '451-["a"] and its attachment'),
  ...because('an attachment has one place: passed on as it came, what is named twice would multiply at every recipient', 'socketio',
    'one attachment placed twice'),
  ...because('the number of a placeholder is a whole one; the reference makes null of half an attachment', 'socketio',
    'a placeholder with the number 0.5'),
]);
