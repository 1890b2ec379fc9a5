import { randomBytes } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../errors.ts';
import { findInit } from '../host/find-init.ts';
import { probeHost } from '../host/probe.ts';
import type { HostFacts } from '../launch/host-facts.ts';
import type { LaunchPlan, RootSpec } from '../launch/plan.ts';
import { planRun } from '../launch/plan-run.ts';
import type { RunRequest } from '../launch/run-request.ts';
import type { RunConfig } from '../oci/run-config.ts';

/** A directory of the host as a container's root, under its real name. @throws SOURCE_NOT_FOUND, USAGE */
export async function directoryRoot(path: string): Promise<RootSpec> {
  let real: string;
  try {
    real = await realpath(path);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such root filesystem', { where: path, cause });
  }
  if (!(await stat(real)).isDirectory()) throw new TsimgError('USAGE', 'not a directory', { where: path });
  // Nothing would stand between the container and the host's files, and no mount can cover the root.
  if (real === '/') throw new TsimgError('USAGE', 'the host’s own root cannot be a container’s', { where: path });
  return { kind: 'directory', path: real };
}

/** Looks for an init too. */
function withInit(facts: HostFacts): HostFacts {
  return { ...facts, tools: { ...facts.tools, init: findInit() } };
}

/** The process that `--network container:PID` names. */
function joinedPid({ network = '' }: RunRequest): number | undefined {
  const digits = /^container:([0-9]{1,10})$/.exec(network)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The plan of a run, and the facts it was made for: what `--dry-run` prints. @throws USAGE */
export function planContainer(
  root: RootSpec,
  config: RunConfig,
  request: RunRequest,
  id = randomBytes(32).toString('hex'),
): { readonly plan: LaunchPlan; readonly facts: HostFacts } {
  const facts = request.init ? withInit(probeHost()) : probeHost();
  const around = { root, id, cwd: process.cwd(), hostEnv: process.env, containerPid: joinedPid(request) };
  return { facts, plan: planRun(config, request, facts, around) };
}
