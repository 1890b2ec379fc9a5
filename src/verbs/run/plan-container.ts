import { realpath, stat } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { findInit } from '../../host/facts/find-init.ts';
import { probeHost } from '../../host/facts/probe.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan, RootSpec } from '../../launch/launch-plan.ts';
import type { JoinedProcess } from '../../launch/network/network-plan.ts';
import { planRun } from '../../launch/plan/plan-run.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { workingDirectory } from '../../sys/file/working-directory.ts';
import { randomHex } from '../../sys/random.ts';

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

/** What a plan depends on besides the request. */
export interface PlanAround {
  /** Made up when absent. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** This process's own when absent. */
  readonly cwd?: string | undefined;
  /** What is known of the host; looked at when absent. */
  readonly host?: HostFacts | undefined;
  /** Where volumes of the image lie, as of `RunSurroundings`. */
  readonly volumes?: string | undefined;
  /** Whose network is joined. */
  readonly joined?: JoinedProcess | undefined;
}

/** The plan of a run, and the facts it was made for: what `--dry-run` prints. @throws USAGE */
export function planContainer(
  root: RootSpec,
  config: RunConfig,
  request: RunRequest,
  { id = randomHex(32), cwd = workingDirectory(), host = probeHost(), name, joined, volumes }: PlanAround = {},
): { readonly plan: LaunchPlan; readonly facts: HostFacts } {
  const facts = request.init ? withInit(host) : host;
  return {
    facts,
    plan: planRun(config, request, facts, { root, id, name, cwd, hostEnv: process.env, joined, volumes }),
  };
}
