import { TsimgError } from '../../errors.ts';
import { checkContainerName } from '../../host/state/names.ts';
import { parseLabels } from '../../launch/options/labels.ts';
import { parseRestartPolicy, type RestartPolicy } from '../../launch/options/restart-policy.ts';
import { parseSignal } from '../../linux/signals.ts';

/** The options of `run` about a container's life, and about what is kept of it. They are not part of the plan. */
export interface LifeRequest {
  /** `--name`; made up when absent. */
  readonly name?: string | undefined;
  /** `--replace`, podman's: a container that has the name is killed and removed first. */
  readonly replace?: boolean | undefined;
  /** `--rm`: the container is removed when it ends. */
  readonly remove?: boolean | undefined;
  /** `--cidfile`: a file that gets the container's ID. It must not exist. */
  readonly cidFile?: string | undefined;
  /** `--label NAME=value`, or `NAME`. */
  readonly labels?: readonly string[] | undefined;
  /** `--restart`, for detached containers. */
  readonly restart?: string | undefined;
  /** `--stop-signal`; when absent the image's, or SIGTERM. */
  readonly stopSignal?: string | undefined;
  /** `--stop-timeout` in seconds; 10 when absent. */
  readonly stopTimeout?: number | undefined;
}

/** A `LifeRequest` after its texts are parsed and its defaults filled in. */
export interface Life {
  readonly name: string | undefined;
  /** The name of the container that is removed first. */
  readonly replace: string | undefined;
  readonly remove: boolean;
  readonly cidFile: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly restart: RestartPolicy;
  readonly stopSignal: string | undefined;
  readonly stopTimeout: number;
}

const STOP_TIMEOUT = 10;

/** Parses the options and checks them against each other. @throws USAGE */
export function parseLife(options: LifeRequest, detached: boolean): Life {
  const restart = parseRestartPolicy(options.restart ?? 'no');
  if (restart.when !== 'no' && options.remove) {
    throw new TsimgError('USAGE', '--restart and --rm exclude each other', { hint: 'leave out one of them' });
  }
  if (restart.when !== 'no' && !detached) {
    throw new TsimgError('USAGE', '--restart is for detached containers', {
      why: 'the monitor that starts a container again stands beside detached containers only',
      hint: 'add -d',
    });
  }
  if (options.replace && options.name === undefined)
    throw new TsimgError('USAGE', '--replace needs a --name', { hint: 'add --name NAME' });
  return {
    name: options.name === undefined ? undefined : checkContainerName(options.name),
    replace: options.replace ? options.name : undefined,
    remove: options.remove ?? false,
    cidFile: options.cidFile,
    labels: parseLabels(options.labels ?? []),
    restart,
    stopSignal: options.stopSignal === undefined ? undefined : parseSignal(options.stopSignal).name,
    stopTimeout: options.stopTimeout ?? STOP_TIMEOUT,
  };
}
