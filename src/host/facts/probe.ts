import { readFileSync, statfsSync, statSync } from 'node:fs';
import { hostname, release, userInfo } from 'node:os';
import { errnoOf } from '../../errors.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { CAPABILITY_NAMES, capabilityMask } from '../../linux/capabilities.ts';
import { parseSubordinateIds } from '../../linux/ids.ts';
import { probeCgroups } from './cgroup-facts.ts';
import { probeNetwork } from './network-facts.ts';
import { findTools } from './tools.ts';

const CGROUP2_SUPER_MAGIC = 0x6367_7270;
/** The inode of the first user namespace. linux/proc_ns.h, PROC_USER_INIT_INO */
const FIRST_USER_NAMESPACE = 0xefff_fffd;

/** Reads a file of the host; '' where there is none. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** The caller's name; undefined where the passwd file has none. Such a user may have subordinate IDs by number. */
function callerName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function hasUnifiedCgroups(): boolean {
  try {
    return statfsSync('/sys/fs/cgroup').type === CGROUP2_SUPER_MAGIC;
  } catch {
    return false;
  }
}

/** The capabilities that root needs for a launch: for mounts, IDs and limits. */
const NEEDED = capabilityMask(['SYS_ADMIN', 'SETUID', 'SETGID', 'SETPCAP', 'CHOWN', 'DAC_OVERRIDE']);

/** Returns a capability set of this process, by its name in /proc/self/status. */
function capabilitySet(status: string, name: 'CapEff' | 'CapBnd'): bigint {
  return BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
}

/** Reads the facts of the host, once for each launch. */
export function probeHost(): HostFacts {
  const uid = process.geteuid?.() ?? 0;
  const name = callerName();
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = capabilitySet(status, 'CapEff');
  const canMount = uid === 0 && (effective & NEEDED) === NEEDED;
  const subordinateIds = (path: string) => {
    const text = readIfThere(path);
    const own = parseSubordinateIds(text, name, uid);
    // Root's ranges may be listed under podman's name, `containers`.
    return own.length === 0 && canMount ? parseSubordinateIds(text, 'containers', uid) : own;
  };
  const given = effective & capabilitySet(status, 'CapBnd');
  return {
    uid,
    gid: process.getegid?.() ?? 0,
    canMount,
    nestedUserNamespace: statSync('/proc/self/ns/user').ino !== FIRST_USER_NAMESPACE,
    capabilities: canMount ? CAPABILITY_NAMES.filter((each) => given & capabilityMask([each])) : undefined,
    userName: name,
    subordinateUids: subordinateIds('/etc/subuid'),
    subordinateGids: subordinateIds('/etc/subgid'),
    hostname: hostname(),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status),
    machine: process.arch,
    kernel: release(),
    cgroup2: hasUnifiedCgroups(),
    cgroups: probeCgroups(),
    network: probeNetwork(uid),
    tools: findTools(),
  };
}
