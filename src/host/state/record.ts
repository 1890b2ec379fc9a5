import { lstatSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HealthState } from '../../launch/health.ts';
import type { LaunchPlan, RootSpec } from '../../launch/launch-plan.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';
import type { RestartPolicy } from '../../launch/options/restart-policy.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { replaceFileSync } from '../../sys/file/replace-file-sync.ts';
import {
  type Check,
  either,
  fields,
  isCount,
  isFlag,
  isText,
  listOf,
  mapOf,
  oneOf,
  optional,
} from './document-shape.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** The image that a container was made of. */
export interface RecordedImage {
  /** The reference or path that the user gave. */
  readonly name: string;
  /** Digest of the config. */
  readonly id: string;
  /** Digest of the manifest. */
  readonly digest: string;
}

/** The description of a container: written when it is made, and again when it is started again or renamed. */
export interface ContainerRecord {
  readonly version: 1;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  /** Absent for a root filesystem. */
  readonly image?: RecordedImage | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the container is removed when it ends. */
  readonly remove: boolean;
  /** Whether its output goes to a log. */
  readonly detached: boolean;
  readonly restart: RestartPolicy;
  /** Whether the end of an attached process's input is the end of the container's: docker's StdinOnce. */
  readonly inputOnce?: boolean | undefined;
  /** A signal's name, such as SIGTERM. */
  readonly stopSignal: string;
  /** Seconds from that signal to SIGKILL. */
  readonly stopTimeout: number;
  readonly root: RootSpec;
  readonly config: RunConfig;
  readonly request: RunRequest;
  /** The caller's working directory. */
  readonly cwd: string;
  readonly plan: LaunchPlan;
}

/** The state of a container. The holder of its lock replaces the file at each change. */
export interface ContainerState {
  readonly status: 'created' | 'running' | 'restarting' | 'exited';
  /** The command: process 1 of the container. */
  readonly process?: ProcessIdentity | undefined;
  /** The holder of the lock: the monitor, or the tsimg in the foreground. */
  readonly owner?: ProcessIdentity | undefined;
  /** RFC 3339. */
  readonly startedAt?: string | undefined;
  readonly finishedAt?: string | undefined;
  readonly exitCode?: number | undefined;
  /** Whether the kernel killed a process of the container for its memory limit. */
  readonly oomKilled?: boolean | undefined;
  /** Why the container could not be started, or how its tsimg was lost. */
  readonly error?: string | undefined;
  /** The health of the last run; absent without a check. */
  readonly health?: HealthState | undefined;
  /** The published ports of the last run, with those of the host that were chosen. */
  readonly ports?: readonly PublishedPort[] | undefined;
  /** The number of restarts. */
  readonly restarts: number;
}

const VERSION = 1;

/** Replaces a file of a container atomically; for the holder of the container's lock only. @throws Node's errors */
export function replaceJson(path: string, value: unknown): void {
  replaceFileSync(path, `${JSON.stringify(value)}\n`, { mode: 0o600 });
}

export const isRootSpec = either(
  fields({ kind: oneOf('directory'), path: isText }),
  fields({ kind: oneOf('overlay'), directory: isText, lower: listOf(isText), volatile: optional(isFlag) }),
);
export const isIdMap = fields({
  uids: listOf(mapOf(isCount)),
  gids: listOf(mapOf(isCount)),
  by: isText,
  caller: optional(mapOf(isCount)),
});
const hasRecordFields: Check = fields({
  version: oneOf(VERSION),
  id: isText,
  name: isText,
  created: isText,
  image: optional(fields({ name: isText, id: isText, digest: isText })),
  labels: mapOf(isText),
  remove: isFlag,
  detached: isFlag,
  restart: fields({ when: isText }),
  inputOnce: optional(isFlag),
  stopSignal: isText,
  stopTimeout: isCount,
  root: isRootSpec,
  config: fields({ env: listOf(isText), cmd: listOf(isText), entrypoint: listOf(isText) }),
  request: fields({ command: listOf(isText), volumes: listOf(isText) }),
  cwd: isText,
  plan: fields({
    idMap: optional(isIdMap),
    steps: listOf(fields({ do: isText })),
    command: fields({ args: listOf(isText), env: listOf(isText) }),
    network: fields({ kind: isText }),
    cgroups: listOf(fields({ base: isText, id: isText, controllers: listOf(isText) })),
    warnings: listOf(isText),
  }),
});
export const isIdentity = fields({ pid: isCount, startTime: isText, bootId: isText });
const hasStateFields: Check = fields({
  status: oneOf('created', 'running', 'restarting', 'exited'),
  process: optional(isIdentity),
  owner: optional(isIdentity),
  startedAt: optional(isText),
  finishedAt: optional(isText),
  exitCode: optional(isCount),
  oomKilled: optional(isFlag),
  error: optional(isText),
  health: optional(
    fields({
      status: oneOf('starting', 'healthy', 'unhealthy'),
      failingStreak: isCount,
      log: listOf(fields({ start: isText, end: isText, exitCode: Number.isInteger, output: isText })),
    }),
  ),
  ports: optional(
    listOf(
      fields({
        hostAddress: optional(isText),
        hostPort: isCount,
        containerPort: isCount,
        protocol: oneOf('tcp', 'udp'),
      }),
    ),
  ),
  restarts: isCount,
});

function isRecord(value: unknown): value is ContainerRecord {
  return hasRecordFields(value);
}

function isState(value: unknown): value is ContainerState {
  return hasStateFields(value);
}

function damaged(path: string, cause?: unknown): TsimgError {
  return new TsimgError('STORE_INVALID', 'a container’s record is damaged', {
    where: path,
    hint: `tsimg rm --force ${idAt(path)} removes the container, and so does tsimg prune`,
    cause,
  });
}

/** The start of the container's ID in the path of its file. */
function idAt(path: string): string {
  return basename(dirname(path)).slice(0, 12);
}

/** The error for a container's file that cannot be read; it names the owner and the remedy. */
export function unreadable(path: string, cause: unknown): TsimgError {
  const owner = ownerOf(path) ?? ownerOf(dirname(path));
  const isOurs = owner === undefined || owner === process.geteuid?.();
  return new TsimgError('STORE_INVALID', 'a container’s record cannot be read', {
    where: path,
    why: isOurs ? 'this user cannot read it' : `it belongs to the user with the ID ${owner}`,
    hint: isOurs
      ? `tsimg rm --force ${idAt(path)} removes the container, and so does tsimg prune`
      : 'ask that user, or root, to remove the container (tsimg rm --force with this --root)',
    cause,
  });
}

/** The ID of a file's owner; undefined where it cannot be read. */
function ownerOf(path: string): number | undefined {
  try {
    return lstatSync(path).uid;
  } catch {
    return undefined;
  }
}

/** The error for a finished container whose record is gone. */
export function missingRecord(directory: string): TsimgError {
  return damaged(join(directory, CONTAINER_NAME.record));
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
}

/** Writes a container's record. @param directory the container's */
export function writeRecord(directory: string, record: ContainerRecord): void {
  replaceJson(join(directory, CONTAINER_NAME.record), record);
}

/** Reads a container's record; undefined where there is none, or none yet. @throws STORE_INVALID */
export function readRecord(directory: string): ContainerRecord | undefined {
  const path = join(directory, CONTAINER_NAME.record);
  const value = readJson(path);
  if (value === undefined || isRecord(value)) return value;
  if (!fields({ version: isCount })(value) || fields({ version: oneOf(VERSION) })(value)) throw damaged(path);
  throw new TsimgError('STORE_INVALID', 'a container’s record is of another version', {
    where: path,
    hint: `use the tsimg that made it; tsimg rm --force ${idAt(path)} removes the container, and so does tsimg prune`,
  });
}

/** As `readRecord`, for work that goes on without the record; undefined also where it cannot be read. */
export function tryReadRecord(directory: string): ContainerRecord | undefined {
  try {
    return readRecord(directory);
  } catch {
    // A container with a damaged record must still be ended and removed.
    return undefined;
  }
}

/** Writes a container's state; for the holder of its lock only. */
export function writeState(directory: string, state: ContainerState): void {
  replaceJson(join(directory, CONTAINER_NAME.state), state);
}

/** Reads the last written state. It may be outdated if the writer was killed. @throws STORE_INVALID */
export function readState(directory: string): ContainerState {
  const path = join(directory, CONTAINER_NAME.state);
  const value = readJson(path);
  if (value === undefined) return { status: 'created', restarts: 0 };
  if (isState(value)) return value;
  throw damaged(path);
}
