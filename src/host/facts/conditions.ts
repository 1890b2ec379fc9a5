import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { HostConditions } from '../../launch/facts/host-conditions.ts';

/** A number from a file of /proc; undefined where this kernel has none, or shows none. */
function readNumber(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Looks at the settings that may stand in a launch's way: when one failed, or the doctor asks. */
export function readConditions(): HostConditions {
  const status = readFileSync('/proc/self/status', 'latin1');
  return {
    uid: process.geteuid?.() ?? 0,
    kernel: release(),
    seccomp: Number(/^Seccomp:\s*(\d)$/m.exec(status)?.[1] ?? 0),
    usernsClone: readNumber('/proc/sys/kernel/unprivileged_userns_clone'),
    maxUserNamespaces: readNumber('/proc/sys/user/max_user_namespaces'),
    apparmorRestricts: readNumber('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
  };
}
