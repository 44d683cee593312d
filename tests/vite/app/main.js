// PhotoFlow in small: a list that every tab fetches anew when any tab says that the database has changed.
import { io } from 'socket.io-client';

const socket = io(import.meta.env.VITE_SOCKET_URL || undefined);
const show = (id, text) => (document.getElementById(id).textContent = text);

async function refresh() {
  const tasks = await (await fetch('/api/tasks')).json();
  document.getElementById('tasks').replaceChildren(
    ...tasks.map((title) => Object.assign(document.createElement('li'), { textContent: title })),
  );
}

socket.on('connect', () => {
  show('status', 'connected');
  const engine = socket.io.engine;
  show('transport', engine.transport.name);
  engine.on('upgrade', (transport) => show('transport', transport.name));
});
socket.on('disconnect', (reason) => show('status', `disconnected: ${reason}`));
socket.on('connect_error', (error) => show('status', `not connected: ${error.message}`));
socket.on('database-changed', ({ type }) => type === 'task-created' && refresh());

document.getElementById('add').onclick = async () => {
  const title = `task ${Math.random().toString(36).slice(2, 8)}`;
  await fetch('/api/tasks', { method: 'POST', body: title });
  socket.emit('database-change', { type: 'task-created', title });
};
refresh();
