import { realpath, stat } from 'node:fs/promises';
import { errnoOf, TsimgError } from '../../errors.ts';
import { findInit } from '../../host/facts/find-init.ts';
import { probeHost } from '../../host/facts/probe.ts';
import type { HostFacts } from '../../launch/facts/host-facts.ts';
import type { LaunchPlan, RootSpec } from '../../launch/launch-plan.ts';
import type { NamedNetwork } from '../../launch/network/named-network.ts';
import type { JoinedProcess } from '../../launch/network/network-plan.ts';
import { planRun } from '../../launch/plan/plan-run.ts';
import type { RunRequest } from '../../launch/plan/run-request.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import { workingDirectory } from '../../sys/file/working-directory.ts';
import { randomHex } from '../../sys/random.ts';

/** Returns a directory of the host, by its real path, as a container's root. @throws SOURCE_NOT_FOUND, USAGE */
export async function directoryRoot(path: string): Promise<RootSpec> {
  let real: string;
  try {
    real = await realpath(path);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new TsimgError('SOURCE_NOT_FOUND', 'no such root filesystem', {
      where: path,
      hint: 'name a directory, or an image',
      cause,
    });
  }
  if (!(await stat(real)).isDirectory()) {
    throw new TsimgError('USAGE', 'not a directory', { where: path, hint: 'name a root filesystem, or an image' });
  }
  // Nothing would separate the container from the host's files, and no mount can cover the root.
  if (real === '/') {
    throw new TsimgError('USAGE', 'the host’s own root cannot be a container’s root', {
      where: path,
      hint: 'name another directory, or an image',
    });
  }
  return { kind: 'directory', path: real };
}

/** Marks the layer that a container writes to as volatile: it is removed with the container, and never flushed. */
export function volatileRoot(root: RootSpec): RootSpec {
  return root.kind === 'overlay' ? { ...root, volatile: true } : root;
}

/** Adds the init of the host, which is looked for only when a request needs it. */
function withInit(facts: HostFacts): HostFacts {
  return { ...facts, tools: { ...facts.tools, init: findInit() } };
}

/** The inputs of a plan besides configuration and request. */
export interface PlanAround {
  readonly root: RootSpec;
  /** The container's ID; made up when absent. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** The working directory of the caller; this process's own when absent. */
  readonly cwd?: string | undefined;
  /** Facts about the host; probed when absent. */
  readonly host?: HostFacts | undefined;
  /** The folder of the image's volumes, as in `RunSurroundings`. */
  readonly volumes?: string | undefined;
  /** The folder of volumes with names, as in `RunSurroundings`. */
  readonly namedVolumes?: string | undefined;
  /** The process whose network is joined. */
  readonly joined?: JoinedProcess | undefined;
  /** The network that the request names, where a user made it. */
  readonly named?: NamedNetwork | undefined;
  /** The further networks that the request names. */
  readonly further?: readonly NamedNetwork[] | undefined;
}

/** Plans a run. Returns the plan, which `--dry-run` prints, and the facts that it was made for. @throws USAGE */
export function planContainer(
  config: RunConfig,
  request: RunRequest,
  { root, id = randomHex(32), cwd = workingDirectory(), host = probeHost(), ...around }: PlanAround,
): { readonly plan: LaunchPlan; readonly facts: HostFacts } {
  const facts = request.init ? withInit(host) : host;
  return { facts, plan: planRun(config, request, { ...around, facts, root, id, cwd, hostEnv: process.env }) };
}
