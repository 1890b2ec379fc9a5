import { haveRoot } from './tools.ts';

/** An ordinary user without an account: nobody's id, so no file of this machine belongs to it. */
export const ORDINARY = 65534;

export type Identity = 'root' | 'ordinary user';

/** As whom this process can test: root as both, an ordinary user as itself, with the line that says so. */
export const IDENTITIES: readonly Identity[] = haveRoot() ? ['root', 'ordinary user'] : ['ordinary user'];

/**
 * Runs an action as root or as an ordinary user, in this process: root gives up its effective ids (for every thread)
 * and takes them back. What the action loads must be readable to all or loaded before.
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
