import { haveRoot } from '../tools.ts';

/** The UID of an ordinary user without an account, nobody: no file of this machine belongs to it. */
export const ORDINARY = 65534;

export type Identity = 'root' | 'ordinary user';

/** The identities that this process can test as: root can test as both, an ordinary user only as itself. */
export const IDENTITIES: readonly Identity[] = haveRoot() ? ['root', 'ordinary user'] : ['ordinary user'];

/**
 * Runs an action as root or as an ordinary user, in this process: root gives up its effective IDs (for every thread)
 * and takes them back. Modules that the action loads must be readable to all, or loaded before.
 */
export async function asIdentity<T>(identity: Identity, action: () => T | Promise<T>): Promise<T> {
  if (identity === 'root' || process.geteuid?.() !== 0) return action();
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([]);
  process.setegid?.(ORDINARY);
  process.seteuid?.(ORDINARY);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}
