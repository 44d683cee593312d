// The reference server, with its defaults: what Fanfare is there to replace.
import { createServer } from "node:http";
import { Server } from "socket.io";

const options = {};
if (process.env.BENCH_PING_INTERVAL_MS) options.pingInterval = Number(process.env.BENCH_PING_INTERVAL_MS);
if (process.env.BENCH_MAX_PAYLOAD_BYTES) options.maxHttpBufferSize = Number(process.env.BENCH_MAX_PAYLOAD_BYTES);

// As the adapter's own page has it.
if (process.env.BENCH_REDIS_URL) {
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const { createClient } = await import("redis");
  const publisher = createClient({ url: process.env.BENCH_REDIS_URL });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  options.adapter = createAdapter(publisher, subscriber);
}

const http = createServer();
const io = new Server(http, options);
io.on("connection", (socket) => {
  const updated = process.env.BENCH_UPDATE_TO === "others" ? socket.broadcast : io;
  socket.on("update", (message) => updated.emit("update", message));
  socket.on("echo", (message) => socket.emit("echo", message));
  for (const room of ["crowd", "pair"]) {
    socket.on(`join-${room}`, () => socket.join(room));
    socket.on(`to-${room}`, (message) => io.to(room).emit(`to-${room}`, message));
  }
});
// A storm of connections is part of the measurement; Node's own default backlog is 511.
http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
