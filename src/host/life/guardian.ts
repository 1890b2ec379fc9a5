import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import { planUserNamespace, storedMap } from '../../launch/plan/id-map.ts';
import { TRASH_PREFIX } from '../../store-layout.ts';
import { acquireLock } from '../../sys/file/lock.ts';
import { closeOnExecFrom } from '../../sys/process/own-descriptors.ts';
import { probeHost } from '../facts/probe.ts';
import { type HeldContainer, holdContainer, removeContainer, removeTreeOf } from '../state/container.ts';
import { sweepNames } from '../state/names.ts';
import { NETWORKS_LOCK, readNetwork, removeNetworkRecord } from '../state/networks.ts';
import { type ContainerRecord, tryReadRecord } from '../state/record.ts';
import { readMessages } from '../stdio/read-messages.ts';
import { GUARDIAN_INPUT, type GuardianMessage, isGuardianMessage } from './guardian-channel.ts';
import { sweepKilled, sweepNetwork } from './sweep-killed.ts';

// The process that cleans up after a program that ran containers in its own process: host/life/guard.ts. It waits for
// the end of its input, and then ends and removes what is left of the containers that it was told of.

type Guarded = Extract<GuardianMessage, { kind: 'guard' }>;
type GuardedNetwork = Extract<GuardianMessage, { kind: 'guard-network' }>;

/** Milliseconds between two looks at a container whose lock another tsimg holds, for example to remove it. */
const PAUSE = 20;
/** Looks until such a container counts as another process's: a user has started it again meanwhile. */
const LOOKS = 250;

/** Reads what is to be guarded until the program is gone. */
async function readUntilEnd(): Promise<readonly (Guarded | GuardedNetwork)[]> {
  const guarded = new Map<string, Guarded | GuardedNetwork>();
  const input = new Socket({ fd: GUARDIAN_INPUT, readable: true, writable: false });
  for await (const message of readMessages(input, isGuardianMessage)) {
    if (message.kind === 'done') guarded.delete(message.id);
    else guarded.set(message.id, message);
  }
  return [...guarded.values()];
}

/** Takes the lock of a container; undefined where it is gone, or another process goes on with it. */
async function hold({ folder, id }: Guarded): Promise<HeldContainer | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const held = await holdContainer(folder, id);
    if (held !== undefined) return held;
    if (!existsSync(join(folder, id))) return undefined;
    await sleep(PAUSE);
  }
  return undefined;
}

async function cleanUp(guarded: Guarded, facts: HostFacts): Promise<void> {
  const { folder, id, remove } = guarded;
  const held = await hold(guarded);
  const mapOf = (record: ContainerRecord | undefined) =>
    storedMap(record === undefined ? planUserNamespace(facts, undefined) : record.plan.idMap);
  if (held === undefined) {
    // It was being removed: its directory has another name by then.
    await removeTreeOf(join(folder, `${TRASH_PREFIX}${id}`), mapOf(undefined), facts.tools);
    return;
  }
  const record = tryReadRecord(held.directory);
  if (record !== undefined) await sweepKilled(record, facts);
  // One without a record, or with a damaged one, is removed by its ID, as `rm --force` does.
  if (remove || record === undefined) {
    await removeContainer(held, { name: record?.name, idMap: mapOf(record), tools: facts.tools });
  } else await held.lock.close();
}

async function removeNetwork({ folder, id, name }: GuardedNetwork, facts: HostFacts): Promise<void> {
  await using _lock = await acquireLock(join(folder, NETWORKS_LOCK), 'exclusive');
  const network = readNetwork(folder, name);
  // Another network may have got the name.
  if (network?.id !== id) return;
  await sweepNetwork(network, facts);
  removeNetworkRecord(folder, name);
}

async function main(): Promise<void> {
  closeOnExecFrom(3);
  const left = await readUntilEnd();
  if (left.length === 0) return;
  const facts = probeHost();
  // One after the other: nobody waits, and what fails with one must not keep the others from being cleaned up.
  const containers = left.filter((each) => each.kind === 'guard');
  for (const each of containers) await cleanUp(each, facts).catch(() => undefined);
  for (const folder of new Set(containers.map((each) => each.folder))) await sweepNames(folder);
  for (const each of left) if (each.kind === 'guard-network') await removeNetwork(each, facts).catch(() => undefined);
}

/** Settles when the work is done. */
export const done = main();
