import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { HostReport, Trial } from '../launch/diagnose.ts';
import type { HostFacts } from '../launch/host-facts.ts';
import { planIdMap } from '../launch/id-map.ts';
import { callExists, PROBED_CALLS } from '../sys/probe-call.ts';
import { runCommand } from '../sys/spawn.ts';
import { readConditions } from './conditions.ts';
import { findInit } from './find-init.ts';
import { probeHost } from './probe.ts';
import { TOOL_ENV } from './tool-env.ts';
import { findTool, requireTool } from './tools.ts';
import { startInside } from './user-namespace.ts';

/** The longest that a trial may take: milliseconds. */
const TIMEOUT = 10_000;

/** Programs that make a launch, or an image, better where they are installed. */
const EXTRA_TOOLS = ['pasta', 'slirp4netns', 'ip', 'nft', 'iptables', 'igzip', 'xz', 'crun', 'runc'];

async function tryCommand(path: string, args: readonly string[]): Promise<Trial> {
  const { status, signal, stderr } = await runCommand(path, args, { env: TOOL_ENV, timeout: TIMEOUT });
  if (status === 0) return { ok: true, complaint: '' };
  return {
    ok: false,
    complaint: stderr.toString('utf8').trim().split('\n')[0] || `ended with ${signal ?? `status ${status}`}`,
  };
}

/** A trial's own failure to begin is a complaint too. */
async function trial(action: () => Promise<Trial>): Promise<Trial> {
  try {
    return await action();
  } catch (error) {
    return { ok: false, complaint: messageOf(error) };
  }
}

/** Runs a script of sh in new namespaces, as root of them. */
function inNamespaces(facts: HostFacts, options: readonly string[], script: string, argument = ''): Promise<Trial> {
  const user = facts.canMount ? [] : ['--user', '--map-root-user'];
  return trial(() =>
    tryCommand(requireTool(facts.tools, 'unshare'), [
      ...user,
      ...options,
      '--fork',
      requireTool(facts.tools, 'sh'),
      '-c',
      script,
      'sh',
      argument,
    ]),
  );
}

/** Writes the maps of a user's containers for a process that ends at once. */
function tryIdMap(facts: HostFacts): Promise<Trial> {
  return trial(async () => {
    const map = planIdMap(facts);
    const { process, complaints } = await startInside({ idMap: map }, facts.tools, [
      requireTool(facts.tools, 'sh'),
      '-c',
      ':',
    ]);
    const { status } = await process.ended;
    return { ok: status === 0, complaint: (await complaints).trim() };
  });
}

/** Mounts an overlay where images are kept. What the kernel leaves in its work directory only the mounter can remove. */
async function tryOverlay(facts: HostFacts, place: string): Promise<Trial> {
  const script = `cd "$1" && mkdir l u w m && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w${
    facts.canMount ? '' : ',userxattr'
  } m && umount m; status=$?; cd / && rm -rf "$1"/*; exit $status`;
  return trial(async () => {
    const folder = await mkdtemp(join(place, 'doctor-'));
    try {
      return await inNamespaces(facts, ['--mount'], script, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** The first line of what a program says of its version; undefined where it is not installed or says nothing. */
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

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Tries what a launch does, step by step, and leaves nothing behind. @param place a directory of the caller's on the disk where
 * images are kept
 */
export async function examineHost(place: string): Promise<HostReport> {
  const facts = probeHost();
  const tools = await Promise.all(
    ['unshare', ...EXTRA_TOOLS].map(async (name) => [name, await versionOf(name)] as const),
  );
  return {
    facts: { ...facts, tools: { ...facts.tools, init: findInit() } },
    conditions: readConditions(),
    missingCalls: PROBED_CALLS.filter((call) => !callExists(call)),
    idMap: facts.canMount ? undefined : await tryIdMap(facts),
    namespaces: await inNamespaces(facts, ['--mount', '--pid', '--ipc', '--uts', '--net'], 'exit 0'),
    proc: await inNamespaces(facts, ['--mount', '--pid'], 'mount -t proc proc /proc'),
    overlay: await tryOverlay(facts, place),
    tun: isThere('/dev/net/tun'),
    versions: new Map(tools),
  };
}
