// PROTOCOL.md, "Socket.IO v5": sequences of packets over one WebSocket. '40' is answered before the next is sent.

const row = (name, packets, seen, more) => ({ name, play: (c) => c.packets(...packets), seen, ...more });
const alone = (packet, seen, more) => row(`${brief(packet)} after CONNECT`, ['40', packet], seen, more);
const closes = (packet, more) => alone(packet, ['← closed'], more);
const lives = (packet, ...seen) => alone(packet, [...seen, 'the connection lives']);
const brief = (packet) => (packet.length > 60 ? `${packet.slice(0, 40)}… (${packet.length})` : packet);
const one = '{"_placeholder":true,"num":0}';
const bytes = Buffer.from([1, 2, 3]);

const connecting = [
  row('CONNECT', ['40'], ['40{"sid":"<id>"}', 'lives']),
  row('CONNECT with a payload', ['40{"token":"x"}'], ['40{"sid":"<id>"}']),
  row('CONNECT with an empty payload', ['40{}'], ['40{"sid"']),
  row('CONNECT with the namespace written out', ['40/,'], ['40{"sid"']),
  row('CONNECT to a namespace that does not exist', ['40/nope,'], ['44/nope,{"message":"Invalid namespace"}', 'lives']),
  row('CONNECT to a namespace that does not exist, with a payload', ['40/nope,{"a":1}'], ['44/nope,', 'lives']),
  row('CONNECT to a namespace that does not exist, without the comma', ['40/nope'], ['44/nope,', 'lives']),
  row('CONNECT to a namespace with a query', ['40/nope?a=b,'], ['44/nope', 'lives']),
  row('CONNECT to a namespace of odd characters', ['40/ü 漢"\\,'], ['lives']),
  row('CONNECT to a namespace named __proto__', ['40/__proto__,'], ['44/__proto__,']),
  row('CONNECT to a namespace of 10,000 letters', [`40/${'n'.repeat(10_000)},`], ['lives']),
  row('CONNECT with an ack id', ['405'], ['←']),
  row('CONNECT with a payload of 17 kB', [`40{"token":"${'x'.repeat(17_000)}"}`], ['40{"sid"']),
  row('CONNECT to a namespace that does not exist, 150 times', Array(150).fill('40/nope,'), ['44/nope,', 'lives']),
  row('CONNECT to a namespace that does not exist, 90 times', Array(90).fill('40/nope,'), ['44/nope,', 'lives']),
  row('CONNECT to / with a query', ['40/?token=x,'], ['←']),
  ...['40[]', '40{abc', '40"x"', '40null', '401x', '40{}x', '40 ', '40{"a":1'].map((packet) =>
    row(`${packet} instead of CONNECT`, [packet], ['←'])),
  row('CONNECT with a line end', ['40\n'], ['40{"sid"', 'lives']),
  row('CONNECT with CRLF', ['40\r\n'], ['40{"sid"', 'lives']),
  row('DISCONNECT with a line end', ['40', '41\n', '40'], ['40{"sid"']),
  row('an event with a line end', ['40', '42["x"]\n'], ['42["x"]', 'lives']),
  row('CONNECT twice', ['40', '40'], ['← closed']),
  row('CONNECT twice with the namespace written out', ['40', '40/,'], ['← closed']),
  row('an event before CONNECT', ['42["x"]'], ['← closed']),
  row('an ack before CONNECT', ['430[]'], ['← closed']),
  row('a DISCONNECT before CONNECT', ['41'], ['← closed']),
  row('an event for a namespace not joined', ['40', '42/nope,["x"]'], ['← closed']),
  row('an event after a refused CONNECT', ['40/nope,', '42/nope,["x"]'], ['← closed']),
  row('DISCONNECT', ['40', '41'], ['lives']),
  row('DISCONNECT and CONNECT again', ['40', '41', '40'], ['40{"sid"', 'lives']),
  row('an event after DISCONNECT', ['40', '41', '42["x"]'], ['← closed']),
  row('DISCONNECT twice', ['40', '41', '41'], ['← closed']),
  row('DISCONNECT and CONNECT, five times', ['40', '41', '40', '41', '40', '41', '40', '41', '40'], ['lives']),
];

const namespaces = [
  row('CONNECT to a second namespace', ['40', '40/photos,'], ['40/photos,{"sid"', 'lives']),
  row('CONNECT to a namespace without its comma', ['40/photos'], ['40/photos,{"sid"']),
  row('CONNECT to a namespace with a query after its name', ['40/photos?token=x,'], ['←']),
  row('CONNECT to a namespace in capitals', ['40/Photos,'], ['44/Photos,']),
  row('CONNECT to a namespace with a slash at the end', ['40/photos/,'], ['44/photos/,']),
  row('an event in a namespace', ['40', '40/photos,', '42/photos,["change",1]'], ['42/photos,["changed",1]']),
  row('an event in a namespace with an ack', ['40', '40/photos,', '42/photos,7["change",1]'], ['43/photos,7[{"status":"ok","recipients":1}]']),
  row('an event with attachments in a namespace', ['40', '40/photos,', `451-/photos,["change",${one}]`, bytes], ['451-/photos,["changed"']),
  row('DISCONNECT of one of two namespaces', ['40', '40/photos,', '41/photos,', '42["x"]'], ['42["x"]', 'lives']),
  row('an event in a namespace that was left', ['40', '40/photos,', '41/photos,', '42/photos,["change"]'], ['← closed']),
].map((it) => ({ ...it, profile: 'namespaces' }));

const events = [
  lives('42["x"]', '← 42["x"]'),
  lives('42["x",1,"two",null,true,{"a":[]}]', '← 42["x",1,"two",null,true,{"a":[]}]'),
  lives('42[1]', '← 42[1]'),
  lives('42[1.5,"x"]', '← 42[1.5,"x"]'),
  lives('42["error"]', '← 42["error"]'),
  lives('42[""]', '← 42[""]'),
  lives('42["__proto__"]', '← 42["__proto__"]'),
  lives('42["constructor","x"]', '← 42["constructor"'),
  lives('42["hasOwnProperty"]'),
  lives('42["message","<b>&\\u0026\\/"]'),
  lives('42["x","\\ud83d"]', '\\ud83d'),
  lives('42["\\ud83d"]'),
  lives('42["x","ü漢🎉"]', 'ü漢🎉'),
  lives('42["x","\\u0000\\u001f"]'),
  lives('42/,["x"]', '← 42["x"]'),
  alone('42["x", 1 ,\n{ "a" : 2 } ]', ['lives']),
  alone('42["x",1.0,1e2,-0,0.10]', ['lives']),
  alone('42["x",{"a":1,"a":2}]', ['lives']),
  alone('42["x",1e999]', ['lives']),
  alone(`42["x",${'9'.repeat(400)}]`, ['lives']),
  alone('42["x",12345678901234567890]', ['lives']),
  row('numbers in other writings, letter by letter', ['40', '42["x",1.0,1e2,12345678901234567890]'], ['lives'], { exact: true }),
  row('a member that is there twice, letter by letter', ['40', '42["x",{"a":1,"a":2}]'], ['{"a":2}', 'lives'], { exact: true }),
  row('JSON nested 200 levels deep', ['40', `42["x",${'['.repeat(200)}${']'.repeat(200)}]`], ['lives']),
  row('10,001 arguments', ['40', `42["x"${',1'.repeat(10_001)}]`], ['lives']),
  lives('42["x",{"__proto__":1}]'),
  lives(`42["x","${'y'.repeat(100_000)}"]`),
  alone(`42["x",${'['.repeat(100)}${']'.repeat(100)}]`, ['lives']),
  // Deeper belongs into attacks/: at 5,000 levels the reference itself ends with a stack overflow.
  lives('42'),
  ...['42[]', '42{}', '42{"a":1}', '42"x"', '42[null]', '42[{}]', '42[{"toString":1}]', '42[[]]', '42[true]', '42null', '42[', '42["x"', '42["x"]]',
    '42["x",]', '42[\'x\']', '42["x",undefined]', '42["x",NaN]', '42["x","\u0001"]', '42["x\n"]', '42["x",01]', '42x', '42-1["x"]', '42["x"] y', '42,["x"]'].map((packet) => closes(packet)),
  alone('42 ["x"]', ['←']),
  alone('42["x"] ', ['←']),
  ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'].map((name) => closes(`42["${name}"]`)),
  closes('42["\\u0063onnect"]'),
  ...['47', '48', '49', '4x', '4', '4-', '4é', '4🎉'].map((packet) => closes(packet)),
  ...['41{}', '41[]', '41"x"', '41null'].map((packet) => closes(packet)),
  lives('410'),
  ...['44{}', '44{"message":"x"}', '44"x"', '44'].map((packet) => closes(packet)),
];

const acks = [
  lives('421["x"]', '431[{"status":"ok","recipients":1}]', '← 42["x"]'),
  lives('420["x"]', '430['),
  lives('429007199254740991["x"]', '439007199254740991['),
  alone('42007["x"]', ['lives']),
  alone('4299999999999999999999["x"]', ['lives']),
  alone(`42${'1'.repeat(400)}["x"]`, ['→']),
  row('two events with the same ack id', ['40', '425["x"]', '425["y"]'], ['435[', 'lives']),
  row('an ack for a binary event', ['40', `451-3["x",${one}]`, bytes], ['433[', 'lives']),
  lives('43[]'),
  lives('430[]'),
  lives('43123["x"]'),
  lives('43'),
  lives('431'),
  ...['43{}', '43"x"', '431{}', '43[', '43null'].map((packet) => closes(packet)),
  row('a binary ack nobody asked for', ['40', `461-0[${one}]`, bytes], ['lives']),
];

const attachments = [
  row('an attachment', ['40', `451-["x",${one}]`, bytes], [`← 451-["x",${one}]`, '← binary AQID', 'lives']),
  row('an empty attachment', ['40', `451-["x",${one}]`, Buffer.alloc(0)], ['← 451-', '← binary', 'lives']),
  row('two attachments in the order of their numbers', ['40', '452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', bytes, Buffer.from([9])], ['AQID', 'CQ==']),
  row('two attachments, placed in the other order', ['40', '452-["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', bytes, Buffer.from([9])], ['← 452-']),
  row('one attachment placed twice', ['40', `451-["x",${one},${one}]`, bytes], ['←']),
  row('an attachment that no placeholder names', ['40', `452-["x",${one}]`, bytes, bytes], ['←']),
  row('an attachment deep in an argument', ['40', `451-["x",{"a":[{"b":${one}}]}]`, bytes], [`{"a":[{"b":${one}}]}`]),
  row('a placeholder with more keys', ['40', '451-["x",{"_placeholder":true,"num":0,"more":1}]', bytes], ['← 451-']),
  row('a placeholder with its keys in the other order', ['40', '451-["x",{"num":0,"_placeholder":true}]', bytes], ['← 451-']),
  row('a placeholder that is not true', ['40', '451-["x",{"_placeholder":false,"num":0}]', bytes], ['←']),
  row('a placeholder with spaces', ['40', '451-["x",{ "_placeholder" : true , "num" : 0 }]', bytes], ['← 451-']),
  row('a placeholder in an event without attachments', ['40', `42["x",${one}]`], ['←']),
  row('ten attachments', ['40', `4510-["x",${Array.from({ length: 10 }, (_, num) => `{"_placeholder":true,"num":${num}}`)}]`, ...Array(10).fill(bytes)], ['← 4510-', 'lives']),
  row('text while an attachment is due', ['40', `451-["x",${one}]`, '42["y"]'], ['← closed']),
  row('an attachment nobody announced', ['40', bytes], ['← closed']),
  row('an attachment nobody announced, before CONNECT', [bytes], ['← closed']),
  row('attachments for a namespace not joined', ['40', `451-/nope,["x",${one}]`, bytes], ['← closed']),
  row('a packet whose attachment has not come, then text', ['40', `451-["x",${one}]`], ['← closed']),
  ...['-1', '1', '1e9', '"length"', '"0"', '0.5', 'null', '[0]', '{}', '"__proto__"'].map((num) =>
    row(`a placeholder with the number ${num}`, ['40', `451-["x",{"_placeholder":true,"num":${num}}]`, bytes], ['←'])),
  row('a placeholder without a number', ['40', '451-["x",{"_placeholder":true}]', bytes], ['←']),
  row('a placeholder as the event\'s name', ['40', `451-[${one}]`, bytes], ['← closed']),
  ...['45', '451', '45-', '451-', '450-["a"]', '45-1-["a"]', `4511-["x",${one}]`, '451000-["a"]', '45999999999999999999-["a"]', '451.5-["a"]', '45x-["a"]', '4551-',
    '45["a"]', '451-["connect"]', '451-{}', '451-[', '46', '461', '460-[]'].map((packet) => alone(packet, ['←'])),
  row('451-["a"] and its attachment', ['40', '451-["a"]', bytes], ['←']),
  ...['451e0-', '45 1-', '4501-', '451.0-', '450x1-', '45+1-'].map((head) => row(`the count ${head} of one attachment`, ['40', `${head}["x",${one}]`, bytes], ['←'])),
];

const reserved = row('an event before the answer to CONNECT', ['42["x"]', '40'], ['← closed']);

export const socketio = [...connecting, ...namespaces, ...events, ...acks, ...attachments, reserved];
