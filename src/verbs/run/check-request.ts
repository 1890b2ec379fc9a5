import { stat } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { findDevices } from '../../host/cgroup/device-list.ts';
import { containersFolder, readContainer } from '../../host/state/container.ts';
import { idOfName, nameTaken } from '../../host/state/names.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { EMPTY_RUN_CONFIG } from '../../oci/run-config.ts';
import { foundNetwork } from './found-network.ts';
import { type LifeRequest, parseLife } from './life-request.ts';
import { planContainer } from './plan-container.ts';

/** Placeholders for the image's configuration and root, which are not known yet. */
const SOME_CONFIG = { ...EMPTY_RUN_CONFIG, cmd: ['/'] };
const SOME_ROOT = { kind: 'directory', path: '/' } as const;

/** Options of `checkRequest`. */
export interface CheckOptions {
  /** The folder where containers are kept. */
  readonly stateRoot: string;
  readonly life: LifeRequest;
  readonly detached: boolean;
  readonly host: HostFacts;
  /** An OCI runtime that performs the plan. */
  readonly runtime?: string | undefined;
}

/** Checks that a path of the host exists: tsimg makes no files of the host. @throws USAGE */
async function checkThere(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (cause) {
    // A path that the caller may not look at is left to the kernel, whose answer is better.
    if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) return;
    throw new TsimgError('USAGE', 'the file or directory to mount does not exist', {
      where: path,
      hint: 'create it first: tsimg makes no files of the host',
      cause,
    });
  }
}

/** Checks what a plan takes from the host: files and directories that it mounts, and devices. */
async function checkSources({ steps }: LaunchPlan): Promise<void> {
  for (const step of steps) {
    // tsimg makes volumes itself.
    if (step.do === 'bind' && !step.imageVolume) await checkThere(step.source);
    if (step.do === 'host-device' && step.source !== '/dev') checkDevices(step.source);
  }
}

/**
 * Checks that there are devices at a path. A folder that has none is refused for a new container only: one that exists
 * is started, since devices come and go. @throws LAUNCH_FAILED
 */
function checkDevices(path: string): void {
  if (findDevices(path).length > 0) return;
  throw new TsimgError('LAUNCH_FAILED', 'no device', {
    where: path,
    why: 'the directory has no device files, and links in it are not followed',
    hint: 'name the device itself',
  });
}

async function checkByRuntime(request: RunRequest, plan: LaunchPlan, runtime: string): Promise<void> {
  if (request.health?.command !== undefined) {
    throw new TsimgError('USAGE', '--health-cmd does not go with --runtime', {
      why: 'the runtime keeps the container, and tsimg does not look into it',
      hint: 'leave out one of them',
    });
  }
  const { checkRuntime } = await import('../../host/start/run-runtime.ts');
  checkRuntime(plan, runtime);
}

/**
 * Checks that the host has what the plan of a request takes from it, and that a runtime, if there is one, can perform
 * it. @throws USAGE, HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function checkPlan(request: RunRequest, plan: LaunchPlan, runtime: string | undefined): Promise<void> {
  if (runtime !== undefined) await checkByRuntime(request, plan, runtime);
  await checkSources(plan);
}

/** Checks that `-i -t` has a terminal to read from. @throws USAGE */
export function checkTerminal({ terminal, interactive }: RunRequest, stdin: object): void {
  if (terminal && interactive && !('isTTY' in stdin && stdin.isTTY === true)) {
    throw new TsimgError('USAGE', 'standard input is not a terminal', { hint: 'leave out -t or -i' });
  }
}

/**
 * Checks a request as far as possible without the image, before the image is pulled and unpacked, which may take
 * minutes. Most of these checks are made again when the container is made: the host may have changed by then.
 * @throws USAGE, HOST_UNSUPPORTED, LAUNCH_FAILED, CONTAINER_EXISTS, CONTAINER_NOT_FOUND, CONTAINER_STATE
 */
export async function checkRequest(
  request: RunRequest,
  { stateRoot, life, detached, host, runtime }: CheckOptions,
): Promise<void> {
  const { name, replace, cidFile } = parseLife(life, detached);
  const folder = containersFolder(stateRoot);
  const holder = name === undefined || replace !== undefined ? undefined : idOfName(folder, name);
  if (name !== undefined && holder !== undefined && (await readContainer(folder, holder)) !== undefined) {
    throw nameTaken(name, holder);
  }
  if (cidFile !== undefined) await checkCidFile(cidFile);
  const network = await foundNetwork(stateRoot, request);
  const { plan } = planContainer(SOME_CONFIG, request, { root: SOME_ROOT, name, host, ...network });
  await checkPlan(request, plan, runtime);
}

async function checkCidFile(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  throw cidFileError(path, 'it exists already');
}

/** The error for a file of `--cidfile` that cannot be made. */
export function cidFileError(path: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('USAGE', 'the file for the container’s ID cannot be written', { where: path, why, cause });
}
