import { TsimgError } from '../../errors.ts';
import type { RunConfig } from '../../oci/run-config.ts';
import type { IdMap, ProcessPlan } from '../launch-plan.ts';
import { planUlimits } from '../options/ulimits.ts';
import { planCommand } from './command.ts';
import { planEnvironment } from './environment.ts';
import { planUmask } from './isolation.ts';
import type { RunRequest, RunSurroundings } from './run-request.ts';
import { parseUser } from './user.ts';

/** Checks a working directory. @throws USAGE unless it is an absolute path */
export function checkWorkdir(path: string): string {
  if (path.includes('\0')) throw new TsimgError('USAGE', 'a working directory with a zero byte');
  if (path.startsWith('/')) return path;
  throw new TsimgError('USAGE', 'not a working directory', { where: path, why: 'it must be an absolute path' });
}

/** The image's working directory; a relative one is below the root. OCI image spec, config.md, "WorkingDir". */
export function imageWorkdir({ workingDir }: RunConfig): string {
  return workingDir.startsWith('/') ? workingDir : `/${workingDir}`;
}

/** Checks the spelling alone: names are looked up in the container's root, later. @throws USAGE */
function checkUser(spec: string): string {
  parseUser(spec);
  return spec;
}

/** The parts of a process that other planners decide. */
export interface ProcessParts extends Pick<ProcessPlan, 'capabilities' | 'seccomp' | 'noNewPrivileges' | 'cwd'> {
  readonly idMap: IdMap | undefined;
  readonly hostname: string;
  /** The init and its options, before the command; empty without `--init`. */
  readonly initWords: readonly string[];
  readonly hostEnv: RunSurroundings['hostEnv'];
}

/** The container's first process. @throws USAGE where a setting makes no sense, or no command is left to run */
export function planProcess(config: RunConfig, request: RunRequest, parts: ProcessParts): ProcessPlan {
  const { idMap, hostname, initWords, hostEnv, cwd, ...restrictions } = parts;
  const { terminal, interactive, envFiles, env } = request;
  const defaultUser = idMap?.caller === undefined ? config.user : `${idMap.caller.uid}:${idMap.caller.gid}`;
  return {
    args: [...initWords, ...planCommand(config, request.command, request.entrypoint)],
    env: planEnvironment({ image: config.env, files: envFiles, options: env, hostname, terminal, hostEnv }),
    cwd,
    user: checkUser(request.user ?? defaultUser),
    setGroups: idMap?.by !== 'single',
    extraGroups: request.groupAdd ?? [],
    ...restrictions,
    umask: planUmask(request.umask),
    limits: planUlimits(request.ulimits ?? []),
    terminal,
    stdin: interactive,
  };
}
