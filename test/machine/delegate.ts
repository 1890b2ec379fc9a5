import { chownSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'uvu';
import type { OrdinaryUser } from '../support/host/ordinary-user.ts';
import { prepare } from '../support/prepare.ts';

export interface Delegated {
  readonly top: string;
  /** The delegated cgroup. */
  readonly slice: string;
  /** The cgroup in which the user's processes start. */
  readonly leaf: string;
}

/** The numbers of the processes in a cgroup. */
export function processesIn(cgroup: string): readonly string[] {
  return readFileSync(join(cgroup, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean);
}

/**
 * Delegates a cgroup of version 2 to a user while a suite runs, as systemd does for a session.
 */
export function delegate(test: Test, user: OrdinaryUser, controllers: string): Delegated {
  const top = '/sys/fs/cgroup';
  const slice = join(top, 'delegated');
  const leaf = join(slice, 'session');
  prepare(test, () => {
    writeFileSync(join(top, 'cgroup.subtree_control'), controllers);
    for (const path of [slice, leaf]) {
      mkdirSync(path);
      for (const name of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']) {
        chownSync(join(path, name), user.uid, user.gid);
      }
    }
  });
  test.after(() => {
    // Those that run containers stay in the cgroup
    for (const pid of processesIn(leaf)) writeFileSync(join(top, 'cgroup.procs'), pid);
    for (const path of [leaf, slice]) rmdirSync(path);
  });
  return { top, slice, leaf };
}
