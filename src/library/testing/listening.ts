import { readFile } from 'node:fs/promises';
import type { Container } from '../container/container.ts';

/** The state of a listening socket in /proc/net/tcp; proc_pid_net(5), `include/net/tcp_states.h` of Linux. */
const LISTEN = '0A';
/** 127.0.0.0/8 in the tables of IPv4, and ::1 in those of IPv6: each 32-bit word in the order of the machine. */
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000)$/;

/** Whether a port is listened to: not at all, on the loopback of the container alone, or for others too. */
export type Listening = 'no' | 'loopback' | 'yes';

/** Reads who listens from tables as /proc/net/tcp and tcp6 have them. */
export function listeningIn(tables: string, port: number): Listening {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const addresses = [...tables.matchAll(/^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm)]
    .filter(([, , at, state]) => at === wanted && state === LISTEN)
    .map(([, address = '']) => address);
  if (addresses.length === 0) return 'no';
  return addresses.every((address) => LOOPBACK.test(address)) ? 'loopback' : 'yes';
}

/**
 * Looks whether a program in the container listens on a TCP port. A connection from outside does not tell: pasta and
 * slirp4netns accept it before there is a server.
 */
export async function listeningOn(container: Container, port: number): Promise<Listening> {
  const { State } = await container.inspect();
  const read = (table: string) => readFile(`/proc/${State.Pid}/net/${table}`, 'latin1').catch(() => '');
  const tables = await Promise.all([read('tcp'), read('tcp6')]);
  return listeningIn(tables.join('\n'), port);
}
