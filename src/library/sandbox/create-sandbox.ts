import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { mountScratch } from '../../host/box/scratch.ts';
import { warmUpMoves } from '../../host/cgroup/warm-up-moves.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { guard, release } from '../../host/life/guard.ts';
import { containersFolder } from '../../host/state/container.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { planUserNamespace } from '../../launch/plan/id-map.ts';
import { completeRequest } from '../../launch/plan/run-request.ts';
import { randomHex } from '../../sys/random.ts';
import { statePlace } from '../../verbs/places.ts';
import { type PreparedContainer, prepareContainer } from '../../verbs/run/prepare-container.ts';
import { withTarget } from '../../verbs/run/run-source.ts';
import { withReason } from '../container/reason.ts';
import { checkArguments, checkOptions } from '../options/check-options.ts';
import { sourceOptions } from '../options/container-request.ts';
import { parseAllowList } from './egress/allow-list.ts';
import type { EgressOptions } from './egress/egress-proxy.ts';
import { findHolder, type SharedHolder } from './holders.ts';
import { Sandbox } from './sandbox.ts';
import { SANDBOX_CHECKS } from './sandbox-checks.ts';
import type { SandboxOptions } from './sandbox-options.ts';
import { OUTPUT, sandboxRequest, scratchBounds, scratchOf, TIME, withOwnIds } from './sandbox-request.ts';

/** Milliseconds that facts about the host are good for: a pool makes many sandboxes at once. */
const FACTS_LAST = 1000;
let lastFacts: { readonly facts: HostFacts; readonly at: number } | undefined;

function hostFacts(): HostFacts {
  const now = performance.now();
  if (lastFacts === undefined || now - lastFacts.at > FACTS_LAST) {
    lastFacts = { facts: withOwnIds(probeHost()), at: now };
  }
  return lastFacts.facts;
}

/** @throws USAGE */
function egressOf({ network = 'none' }: SandboxOptions): EgressOptions | undefined {
  if (network === 'none') return undefined;
  return { allow: parseAllowList(network.allow), onRequest: network.onRequest };
}

/** What is left of a sandbox that could not be made. */
interface Started {
  container?: PreparedContainer;
  shared?: SharedHolder;
}

async function makeSandbox(source: string, options: SandboxOptions, given?: SharedHolder): Promise<Sandbox> {
  const bounds = scratchBounds(options);
  const egress = egressOf(options);
  const { time = TIME, output = OUTPUT } = options;
  const host = hostFacts();
  const folder = containersFolder(statePlace(options));
  const id = randomHex(32);
  const { input, held } = sandboxRequest(options, host, join(folder, id));
  const started: Started = {};
  const leave = async (container: PreparedContainer | undefined) => {
    try {
      await container?.remove();
    } finally {
      await release(id);
    }
  };
  try {
    await guard({ folder, id, remove: true });
    const { signal, onEvent, root, pull, platform, credentials, signatures } = options;
    const found = sourceOptions({ signal, onEvent, root, pull, platform, credentials, signatures });
    const idMap = planUserNamespace(host, input.userns);
    const isOwn = held.pids === 'user';
    const shared = given?.share() ?? (await findHolder(idMap, host.tools, isOwn));
    started.shared = shared;
    warmUpMoves(host.cgroups, shared.holder.stub.pid);
    const container = await withTarget(source, found, (target, context) =>
      prepareContainer(target, completeRequest(input), {
        ...context,
        life: { remove: true },
        host,
        detached: false,
        id,
      }),
    );
    started.container = container;
    signal?.throwIfAborted();
    mkdirSync(scratchOf(container.directory), { mode: 0o700 });
    // The last step that can fail: what is mounted is unmounted by the sandbox.
    mountScratch(shared.holder, scratchOf(container.directory), bounds);
    return new Sandbox({
      container,
      shared,
      bounds,
      held,
      egress,
      time,
      output,
      onEvent,
      another: (holder) => makeSandbox(source, { ...options, signal: undefined }, holder),
      leave,
    });
  } catch (error) {
    // A failure to clean up would hide the error; the guardian tries once more when this process ends.
    await leave(started.container).catch(() => {});
    await started.shared?.release().catch(() => {});
    throw error;
  }
}

/**
 * Makes a sandbox: a place where commands run that are not trusted. It has no network, a root that cannot be changed,
 * /sandbox and /tmp in memory, limits of everything, a user namespace, no capability, and docker's filter of system
 * calls; docs/sandbox.md says what that is worth. Its first run is prepared. It ends with the `await using` block that
 * it is made in, or by `close`; nothing of it is left when this process ends in any way.
 * @param source a SOURCE (a reference is pulled where it is missing), or a directory with a root filesystem
 * @throws USAGE; HOST_UNSUPPORTED where the kernel or this user cannot hold it to a limit; LAUNCH_FAILED, SYSTEM_CALL,
 * LIMIT_EXCEEDED where `files` do not fit; the reason of `signal`; the errors of {@link openImage} and
 * {@link pullToStore}
 * @example
 * await using box = await createSandbox('python:3.12-slim', { files: { 'main.py': 'print(6 * 7)' } });
 * const { exitCode, stdout } = await box.run(['python3', 'main.py']);
 */
export async function createSandbox(source: string, options: SandboxOptions = {}): Promise<Sandbox> {
  checkArguments(source, []);
  checkOptions('createSandbox', options, SANDBOX_CHECKS);
  const { files = {}, signal } = options;
  signal?.throwIfAborted();
  const box = await withReason(signal, () => makeSandbox(source, options));
  try {
    for (const [path, content] of Object.entries(files)) await box.writeFile(path, content);
    await box.prepare();
    signal?.throwIfAborted();
    return box;
  } catch (error) {
    await box.close().catch(() => {});
    throw error;
  }
}
