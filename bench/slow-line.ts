import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

// A line of a given delay and rate to a server on loopback, as a program of its own: netem needs a kernel that has it.
// Every connection shares the line's rate; making one costs a round trip. What it does not show: TCP's slow start and
// losses. Usage: node dist/bench/slow-line.js PORT ROUND-TRIP-MS BYTES-PER-SECOND; it prints its own port.

/** Bytes that may be under way in one direction of a connection before its sender has to wait. */
const WINDOW = 4 * 1024 * 1024;

/** One direction of the line. Returns a function that passes a connection's bytes on. */
function openDirection(delay: number, bytesPerSecond: number): (from: Socket, to: Socket) => void {
  /** When the line has sent all that it was given: milliseconds of performance.now(). */
  let freeAt = 0;
  /** What is on its way, in the order of arrival. */
  const underway: { readonly at: number; readonly deliver: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const [next] = underway;
    if (next !== undefined && timer === undefined) timer = setTimeout(deliverDue, next.at - performance.now());
  };
  const deliverDue = () => {
    timer = undefined;
    while (underway[0] !== undefined && underway[0].at <= performance.now()) underway.shift()?.deliver();
    wait();
  };
  const pass = (length: number, deliver: () => void) => {
    freeAt = Math.max(performance.now(), freeAt) + (length / bytesPerSecond) * 1000;
    underway.push({ at: freeAt + delay, deliver });
    wait();
  };
  return (from, to) => {
    let waiting = 0;
    from.on('data', (chunk) => {
      waiting += chunk.length;
      if (waiting > WINDOW) from.pause();
      pass(chunk.length, () => {
        waiting -= chunk.length;
        if (waiting <= WINDOW / 2) from.resume();
        if (to.writable) to.write(chunk);
      });
    });
    from.on('end', () => pass(0, () => to.end()));
    from.on('error', () => to.destroy());
  };
}

/** The program's file. */
export const SLOW_LINE = fileURLToPath(import.meta.url);

if (process.argv[1] === SLOW_LINE) {
  const [port = 0, roundTrip = 0, bytesPerSecond = 1] = process.argv.slice(2).map(Number);
  const there = openDirection(roundTrip / 2, bytesPerSecond);
  const back = openDirection(roundTrip / 2, bytesPerSecond);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    setTimeout(() => {
      const origin = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      there(client, origin);
      back(origin, client);
      client.resume();
    }, roundTrip);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : address);
}
