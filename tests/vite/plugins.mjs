// The two plugins of the application's dev server.
import { Server } from 'socket.io';

/** The application's own API: a list of tasks, in memory. */
export const tasksApi = () => ({
  name: 'tasks-api',
  configureServer(server) {
    const tasks = [];
    server.middlewares.use('/api/tasks', (request, response) => {
      if (request.method !== 'POST') {
        response.setHeader('content-type', 'application/json');
        return response.end(JSON.stringify(tasks));
      }
      let title = '';
      request.on('data', (bytes) => (title += bytes)).on('end', () => {
        tasks.push(title);
        response.end();
      });
    });
  },
});

/** What PhotoFlow has today and the relay replaces: the hub inside the dev server. `options` may have an adapter. */
export const hubInside = (options) => ({
  name: 'hub-inside',
  configureServer(server) {
    const io = new Server(server.httpServer, options);
    io.on('connection', (socket) => {
      socket.on('database-change', (change) => io.emit('database-changed', change));
    });
  },
});
