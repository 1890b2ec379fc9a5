import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { HostConditions } from '../../launch/facts/host-conditions.ts';

/** Reads a number from a file of /proc; undefined where the file is missing or not readable. */
function readNumber(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the kernel settings that may prevent a launch. It is called after a failed launch, and by the doctor. */
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
