import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { HostFacts } from '../launch/facts/host-facts.ts';
import { planIdMap } from '../launch/plan/id-map.ts';
import type { HostReport, Trial } from '../launch/show/diagnose.ts';
import { MS } from '../linux/mount-flags.ts';
import { callExists, PROBED_CALLS } from '../sys/probe-call.ts';
import { runCommand } from '../sys/process/run-command.ts';
import { mount } from '../sys/stub/call/mounts.ts';
import { makeNamespaces, type NamespaceName } from '../sys/stub/call/namespaces.ts';
import { forkStub } from '../sys/stub/fork-stub.ts';
import { startStub } from '../sys/stub/start-stub.ts';
import type { Stub } from '../sys/stub/stub.ts';
import { readConditions } from './facts/conditions.ts';
import { findInit } from './facts/find-init.ts';
import { probeHost } from './facts/probe.ts';
import { findTool, requireTool, TOOL_ENV } from './facts/tools.ts';
import { makeUserNamespace } from './start/make-user-namespace.ts';
import { startHelper } from './start/start-helper.ts';

/** The longest time for a trial: milliseconds. */
const TIMEOUT = 10_000;

/** Optional programs that improve launches or images. */
const EXTRA_TOOLS = ['pasta', 'slirp4netns', 'ip', 'nft', 'iptables', 'igzip', 'xz', 'crun', 'runc'];

/** Performs a trial. Any error is the trial's complaint. */
async function trial(action: () => Promise<Trial>): Promise<Trial> {
  try {
    return await action();
  } catch (error) {
    return { ok: false, complaint: messageOf(error) };
  }
}

/** Performs an action by the first process of new namespaces; for an ordinary user, a user namespace is among them. */
function inNamespaces(
  facts: HostFacts,
  names: readonly NamespaceName[],
  action: (stub: Stub) => void = () => {},
): Promise<Trial> {
  return trial(async () => {
    const { stub, process } = await startStub();
    try {
      if (!facts.canMount) {
        await makeUserNamespace(stub, planIdMap({ ...facts, noNewPrivileges: true }), facts.tools);
      }
      makeNamespaces(stub, names);
      const first = forkStub(stub);
      action(first);
      first.close();
      return { ok: true, complaint: '' };
    } finally {
      process.kill('SIGKILL');
      stub.close();
      await process.ended;
    }
  });
}

/** Mounts a proc file system for a new PID namespace. */
function mountProc(stub: Stub): void {
  mount(stub, { source: null, target: '/', type: null, flags: MS.private | MS.recursive }, '/');
  mount(stub, { source: 'proc', target: '/proc', type: 'proc', flags: 0 }, '/proc');
  // A call that is waited for also performs the delayed calls before it.
  stub.call('umask', [0]);
}

/** Tries the ID maps of the user's containers on a process that ends at once. */
function tryIdMap(facts: HostFacts): Promise<Trial> {
  return trial(async () => {
    const map = planIdMap(facts);
    const { process, complaints } = await startHelper({
      namespaces: { idMap: map },
      tools: facts.tools,
      args: [requireTool(facts.tools, 'sh'), '-c', ':'],
    });
    const { status } = await process.ended;
    return { ok: status === 0, complaint: (await complaints).trim() };
  });
}

/**
 * Mounts an overlay on the disk with the images. Only the user who mounts it can remove its work directory afterwards.
 */
async function tryOverlay(facts: HostFacts, place: string): Promise<Trial> {
  const script = `cd "$1" && mkdir l u w m && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w${
    facts.canMount ? '' : ',userxattr'
  } m && umount m; status=$?; cd / && rm -rf "$1"/*; exit $status`;
  return trial(async () => {
    const folder = await mkdtemp(join(place, 'doctor-'));
    try {
      const idMap = facts.canMount ? undefined : planIdMap({ ...facts, noNewPrivileges: true });
      const command = [requireTool(facts.tools, 'sh'), '-c', script, 'sh', folder];
      const { process, complaints } = await startHelper({
        namespaces: { idMap, ownMounts: true },
        tools: facts.tools,
        args: command,
      });
      const { status } = await process.ended;
      return { ok: status === 0, complaint: (await complaints).trim().split('\n')[0] || `ended with status ${status}` };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** The first line of a program's version text; undefined where the program is missing or prints nothing. */
async function versionOf(name: string): Promise<string | undefined> {
  const path = findTool(name);
  if (path === undefined) return undefined;
  try {
    const { stdout, stderr } = await runCommand(path, ['--version'], { env: TOOL_ENV, timeout: TIMEOUT });
    return `${stdout}${stderr}`.split('\n')[0]?.trim() || path;
  } catch {
    return path;
  }
}

/**
 * Tries the steps of a launch one by one, and leaves nothing behind.
 * @param place a directory of the caller's on the disk with the images
 */
export async function examineHost(place: string): Promise<HostReport> {
  const facts = probeHost();
  const tools = await Promise.all(EXTRA_TOOLS.map(async (name) => [name, await versionOf(name)] as const));
  return {
    facts: { ...facts, tools: { ...facts.tools, init: findInit() } },
    conditions: readConditions(),
    missingCalls: PROBED_CALLS.filter((call) => !callExists(call)),
    idMap: facts.canMount ? undefined : await tryIdMap(facts),
    namespaces: await inNamespaces(facts, ['mount', 'pid', 'ipc', 'uts', 'network']),
    proc: await inNamespaces(facts, ['mount', 'pid'], mountProc),
    overlay: await tryOverlay(facts, place),
    versions: new Map(tools),
  };
}
