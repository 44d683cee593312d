// Socket.IO on Bun's own WebSockets, with its defaults.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";

const options = { path: "/socket.io/" };
if (process.env.BENCH_PING_INTERVAL_MS) options.pingInterval = Number(process.env.BENCH_PING_INTERVAL_MS);
if (process.env.BENCH_MAX_PAYLOAD_BYTES) options.maxHttpBufferSize = Number(process.env.BENCH_MAX_PAYLOAD_BYTES);

const engine = new Engine(options);
const io = new Server();
io.bind(engine);
io.on("connection", (socket) => {
  const updated = process.env.BENCH_UPDATE_TO === "others" ? socket.broadcast : io;
  socket.on("update", (message) => updated.emit("update", message));
  socket.on("echo", (message) => socket.emit("echo", message));
  for (const room of ["crowd", "pair"]) {
    socket.on(`join-${room}`, () => socket.join(room));
    socket.on(`to-${room}`, (message) => io.to(room).emit(`to-${room}`, message));
  }
});
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, ...engine.handler() });
console.log(`listening on http://127.0.0.1:${server.port}`);
