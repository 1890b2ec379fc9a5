import { accessSync, constants, readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';
import type { NetworkFacts } from '../../launch/facts/network-facts.ts';
import { isLoopback, parseResolvConf } from '../../linux/resolv-conf.ts';
import { runtimeDirectory } from './runtime-directory.ts';

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Reads resolv.conf. systemd-resolved listens on a loopback address; its own servers are in another file of that
 * format.
 */
function readResolvConf(): string {
  const text = readIfThere('/etc/resolv.conf') ?? '';
  if (!parseResolvConf(text).nameservers.every(isLoopback)) return text;
  return readIfThere('/run/systemd/resolve/resolv.conf') ?? text;
}

function canOpenTun(): boolean {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Reads the host's facts for containers' networks. */
export function probeNetwork(uid: number): NetworkFacts {
  const port = Number.parseInt(readIfThere('/proc/sys/net/ipv4/ip_unprivileged_port_start') ?? '', 10);
  return {
    namespace: /\[([0-9]+)\]/.exec(readlinkSync('/proc/self/ns/net'))?.[1] ?? '0',
    runtimeDirectory: runtimeDirectory(uid, process.env),
    resolvConf: readResolvConf(),
    canOpenTun: canOpenTun(),
    unprivilegedPort: Number.isInteger(port) ? port : undefined,
  };
}
