import { stat } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { containersFolder, readContainer } from '../../host/state/container.ts';
import { idOfName, nameTaken } from '../../host/state/names.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan } from '../../launch/launch-plan.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import { EMPTY_RUN_CONFIG } from '../../oci/run-config.ts';
import { joinedProcess } from './joined-process.ts';
import { type LifeRequest, parseLife } from './life-request.ts';
import { planContainer } from './plan-container.ts';

/** Stands for what only the image says. */
const SOME_CONFIG = { ...EMPTY_RUN_CONFIG, cmd: ['/'] };
const SOME_ROOT = { kind: 'directory', path: '/' } as const;

export interface CheckOptions {
  /** The folder where containers are kept. */
  readonly stateRoot: string;
  readonly life: LifeRequest;
  readonly detached: boolean;
  readonly host: HostFacts;
}

/** What is mounted of the host must be there; nothing is made of the host's. @throws USAGE */
async function checkSources({ steps }: LaunchPlan): Promise<void> {
  for (const step of steps) {
    if (step.do !== 'bind' && step.do !== 'host-device') continue;
    try {
      await stat(step.source);
    } catch (cause) {
      // What may not be looked at is left to the kernel: its answer is the better one.
      if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) continue;
      throw new TsimgError('USAGE', 'what is to be mounted is not there', {
        where: step.source,
        hint: 'make it beforehand: tsimg makes no files of the host',
        cause,
      });
    }
  }
}

/** A terminal takes its input from another. @throws USAGE */
export function checkTerminal({ terminal, interactive }: RunRequest, stdin: object): void {
  if (terminal && interactive && !('isTTY' in stdin && stdin.isTTY === true)) {
    throw new TsimgError('USAGE', 'standard input is not a terminal', { hint: 'leave out -t, or -i' });
  }
}

/**
 * Finds what is wrong with a request as far as that can be told without the image: before it is pulled and unpacked, which may
 * take minutes. What is right now may not be then: all of it is looked at again when the container is made.
 * @throws USAGE, HOST_UNSUPPORTED, CONTAINER_EXISTS, CONTAINER_NOT_FOUND, CONTAINER_STATE
 */
export async function checkRequest(
  request: RunRequest,
  { stateRoot, life, detached, host }: CheckOptions,
): Promise<void> {
  const { name, replace, cidFile } = parseLife(life, detached);
  const folder = containersFolder(stateRoot);
  const holder = name === undefined || replace !== undefined ? undefined : idOfName(folder, name);
  if (name !== undefined && holder !== undefined && (await readContainer(folder, holder)) !== undefined) {
    throw nameTaken(name, holder);
  }
  if (cidFile !== undefined) await checkCidFile(cidFile);
  const joined = await joinedProcess(stateRoot, request);
  const { plan } = planContainer(SOME_ROOT, SOME_CONFIG, request, { name, host, joined });
  await checkSources(plan);
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

/** What is told of a file that cannot be made. */
export function cidFileError(path: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('USAGE', 'the file for the container’s ID cannot be written', { where: path, why, cause });
}
