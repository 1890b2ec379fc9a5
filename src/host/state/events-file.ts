import { closeSync, constants, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import { bridgesOf } from '../../launch/network/several-networks.ts';
import { STORE_NAME } from '../../store-layout.ts';
import { lockDescriptor } from '../../sys/file/lock.ts';
import { type Check, fields, isText, mapOf, oneOf } from './document-shape.ts';
import { EVENT_ACTIONS, type EventAction, type EventType } from './event-actions.ts';
import type { ContainerRecord } from './record.ts';

// Without a daemon, each process of tsimg writes what it does to one file. A line is one write(2) with O_APPEND, so
// lines of several processes do not mix, and no process waits for another.

/** The size at which the file is renamed, in the place of the one before: bytes. */
const MAX_BYTES = 1024 * 1024;
/** The longest line: bytes. One with more labels is written without them. */
const MAX_LINE = 4096;
/** root's network of containers that name none: nobody made it, so it has no other ID. */
const DEFAULT_NETWORK = { id: 'bridge', name: 'bridge' };
/** Milliseconds between two looks at a file that is followed. */
const PAUSE = 100;

/** Something that happened, in docker's words. */
export interface HostEvent {
  /** RFC 3339. */
  readonly time: string;
  readonly type: 'container' | 'image' | 'volume' | 'network';
  /** Such as `start`, or `health_status: healthy`. */
  readonly action: string;
  /** The ID of a container or a network; the name of an image or a volume, or an image's digest. */
  readonly id: string;
  /** Name, image, labels, exit code and so on. */
  readonly attributes: Readonly<Record<string, string>>;
}

const hasFields: Check = fields({
  time: isText,
  type: oneOf(...Object.keys(EVENT_ACTIONS)),
  action: isText,
  id: isText,
  attributes: mapOf(isText),
});

function isHostEvent(value: unknown): value is HostEvent {
  return hasFields(value);
}

function lineOf(event: HostEvent): Buffer {
  const line = Buffer.from(`${JSON.stringify(event)}\n`);
  if (line.length <= MAX_LINE) return line;
  const { name = '', image = '', exitCode } = event.attributes;
  const short = { name: name.slice(0, 256), image: image.slice(0, 256), ...(exitCode !== undefined && { exitCode }) };
  return Buffer.from(`${JSON.stringify({ ...event, id: event.id.slice(0, 256), attributes: short })}\n`);
}

/** An event that happens now, with a word of its type. */
type NewEvent = {
  readonly [Type in EventType]: Omit<HostEvent, 'time' | 'type' | 'action'> & {
    readonly type: Type;
    readonly action: EventAction<Type>;
  };
}[EventType];

/**
 * Writes an event to the file of a store. What happened is done already: a store that cannot be written to, or a full
 * disk, costs the event and nothing else.
 * @param root the folder of images and containers
 */
export function recordEvent(root: string, event: NewEvent): void {
  const path = join(root, STORE_NAME.events);
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    writeSync(fd, lineOf({ time: new Date().toISOString(), ...event }));
    const { size, ino } = fstatSync(fd);
    // One process renames the file: another would rename the new one onto it. It may have done so before the lock.
    if (size > MAX_BYTES && lockDescriptor(fd, path) !== 'held' && statSync(path).ino === ino)
      renameSync(path, join(root, STORE_NAME.eventsBefore));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Writes an event of a container. @param folder of all containers */
export function recordContainerEvent(
  folder: string,
  { id, name, image, root, labels }: ContainerRecord,
  action: EventAction<'container'>,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const from = image?.name ?? (root.kind === 'directory' ? root.path : '');
  recordEvent(dirname(folder), {
    type: 'container',
    action,
    id,
    attributes: { ...labels, image: from, name, ...attributes },
  });
}

/** Writes an event of a network. @param root the folder of images and containers; `named` undefined for the bridge */
export function recordNetworkEvent(
  root: string,
  named: Pick<NamedNetwork, 'id' | 'name'> | undefined,
  action: EventAction<'network'>,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { id, name } = named ?? DEFAULT_NETWORK;
  recordEvent(root, { type: 'network', action, id, attributes: { ...attributes, name, type: 'bridge' } });
}

/** Tells that a container came to the networks of its plan, or left them. @param folder of all containers */
export function recordConnection(
  folder: string,
  { id, plan: { network } }: Pick<ContainerRecord, 'id' | 'plan'>,
  action: 'connect' | 'disconnect',
): void {
  for (const { named } of bridgesOf(network)) recordNetworkEvent(dirname(folder), named, action, { container: id });
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseEvent(line: string): readonly HostEvent[] {
  try {
    const value: unknown = JSON.parse(line);
    return isHostEvent(value) ? [value] : [];
  } catch {
    // A line that a full disk cut off.
    return [];
  }
}

/** Reads what was added to an open file since the last call. */
async function readOn(handle: FileHandle): Promise<readonly HostEvent[]> {
  // A line is written at once, so the file ends with a whole line.
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap(parseEvent);
}

/**
 * Yields the events of a store, the oldest first; then undefined after each look at the file, while `goOn` returns
 * true.
 * @throws Node's errors of the file system; an AbortError on `signal`
 */
export async function* readEvents(
  root: string,
  goOn: () => boolean,
  signal?: AbortSignal,
): AsyncGenerator<HostEvent | undefined> {
  const path = join(root, STORE_NAME.events);
  const before = await openIfThere(join(root, STORE_NAME.eventsBefore));
  if (before !== undefined) {
    try {
      yield* await readOn(before);
    } finally {
      await before.close();
    }
  }
  let handle = await openIfThere(path);
  try {
    for (;;) {
      if (handle !== undefined) yield* await readOn(handle);
      yield undefined;
      if (!goOn()) return;
      await sleep(PAUSE, undefined, { signal });
      const newer = await openIfThere(path);
      const isSame =
        newer !== undefined && handle !== undefined && (await newer.stat()).ino === (await handle.stat()).ino;
      if (newer === undefined || isSame) {
        await newer?.close();
        continue;
      }
      // The file was renamed after its last line.
      if (handle !== undefined) yield* await readOn(handle);
      await handle?.close();
      handle = newer;
    }
  } finally {
    await handle?.close();
  }
}
