import { chownSync } from 'node:fs';
import type { Test } from 'uvu';
import { makeOrdinaryUser, type OrdinaryUser } from '../host/ordinary-user.ts';
import { tempDir } from '../temp-dir.ts';
import { haveRoot, haveTools } from '../tools.ts';
import { makeBusyboxRootfs } from './busybox-rootfs.ts';
import { type ContainerOptions, type ContainerResult, runInContainer } from './container.ts';
import type { ContainerRequest } from './run-container.ts';

/** The means of tests of a launch: a root filesystem of busybox, owned by the user that runs it. */
export interface RunFixture {
  /** The user that runs; undefined for root. */
  readonly user: OrdinaryUser | undefined;
  readonly rootfs: string;
  /** Makes another root filesystem, for a test that changes it. */
  freshRootfs(): string;
  /** Runs a shell script in a container, of another root filesystem where one is given. */
  sh(
    script: string,
    request?: ContainerRequest['request'],
    options?: ContainerOptions,
    root?: string,
  ): Promise<ContainerResult>;
}

/** Whether containers can be run here; prints what is missing. */
export function canRunContainers(): boolean {
  return haveTools('busybox', 'unshare', 'setpriv', 'newuidmap', 'useradd') && haveRoot();
}

function makeFixture(user: OrdinaryUser | undefined): RunFixture {
  const freshRootfs = () => {
    const path = makeBusyboxRootfs(tempDir(0o755));
    if (user !== undefined) chownSync(path, user.uid, user.gid);
    return path;
  };
  const rootfs = freshRootfs();
  return {
    user,
    rootfs,
    freshRootfs,
    sh: (script, request, options, root = rootfs) =>
      runInContainer(
        { rootfs: root, request: { command: ['/bin/sh', '-c', script], ...request } },
        { user, ...options },
      ),
  };
}

/** One for all files that this process runs (test/machine/run-files.ts). */
let ordinary: { readonly user: OrdinaryUser | undefined } | undefined;

/** Defines the same tests for root and for an ordinary user with subordinate IDs; the caller runs the suites. */
export function defineRuns(asRoot: Test, asUser: Test, define: (test: Test, fixture: RunFixture) => void): void {
  if (!canRunContainers()) return;
  define(asRoot, makeFixture(undefined));
  ordinary ??= { user: makeOrdinaryUser() };
  const { user } = ordinary;
  if (user !== undefined) define(asUser, makeFixture(user));
}
