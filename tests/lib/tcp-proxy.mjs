// A way between two that can be bad: cut, frozen, slow, or open at one end only.
import { connect, createServer } from 'node:net';
import { event } from './within.mjs';

export class TcpProxy {
  /** Between whoever connects to its port, and `port`. */
  static async to(port) {
    const proxy = new TcpProxy();
    proxy.target = port;
    proxy.mode = 'well';
    proxy.pairs = new Set();
    proxy.server = createServer((near) => proxy.join(near));
    proxy.server.listen(0, '127.0.0.1');
    await event(proxy.server, 'listening');
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  join(near) {
    if (this.mode === 'cut') return near.destroy();
    const far = connect(this.target, '127.0.0.1');
    const pair = { near, far };
    this.pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => {
        // Half open: nobody is told, and nothing arrives.
        if (this.mode === 'half-open') return;
        if (this.bytesPerS && from === far) {
          from.pause();
          setTimeout(() => this.mode !== 'frozen' && from.resume(), (bytes.length / this.bytesPerS) * 1000);
        }
        to.write(bytes);
      });
      from.on('error', () => {}).on('close', () => {
        if (this.mode !== 'half-open') to.destroy();
        this.pairs.delete(pair);
      });
    }
    if (this.mode === 'frozen') this.pause(pair);
  }

  pause({ near, far }) {
    near.pause();
    far.pause();
  }

  /** Ends all connections, and takes none until it is `well` again. */
  cut() {
    this.mode = 'cut';
    this.pairs.forEach(({ near, far }) => (near.destroy(), far.destroy()));
  }

  /** Nothing goes through, and nothing is lost. */
  freeze() {
    this.mode = 'frozen';
    this.pairs.forEach((pair) => this.pause(pair));
  }

  /** What is sent is lost, and nobody is told. */
  halfOpen() {
    this.mode = 'half-open';
  }

  /** So much goes through to those who connected. */
  slow(bytesPerS) {
    this.bytesPerS = bytesPerS;
  }

  well() {
    // Those whose bytes were lost cannot go on.
    if (this.mode === 'half-open') this.pairs.forEach(({ near, far }) => (near.destroy(), far.destroy()));
    this.mode = 'well';
    this.bytesPerS = undefined;
    this.pairs.forEach(({ near, far }) => (near.resume(), far.resume()));
  }

  stop() {
    this.cut();
    this.server.close();
  }
}
