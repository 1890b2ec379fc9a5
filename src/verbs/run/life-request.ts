import { TsimgError } from '../../errors.ts';
import { checkContainerName } from '../../host/state/names.ts';
import { parseRestartPolicy, type RestartPolicy } from '../../launch/options/restart-policy.ts';
import { parseSignal } from '../../linux/signals.ts';

/** How a container lives, and what is kept of it: docker's options of `run` that the plan knows nothing of. */
export interface LifeRequest {
  /** `--name`: made up when absent. */
  readonly name?: string | undefined;
  /** `--replace`: a container that has the name is killed and removed before. podman's. */
  readonly replace?: boolean | undefined;
  /** `--rm`: remove it when it ends. */
  readonly remove?: boolean | undefined;
  /** `--cidfile`: a file, which must not be there, that gets its ID. */
  readonly cidFile?: string | undefined;
  /** `--label NAME=value`, or `NAME`. */
  readonly labels?: readonly string[] | undefined;
  /** `--restart`, of detached containers. */
  readonly restart?: string | undefined;
  /** `--stop-signal`: the image's, or SIGTERM, when absent. */
  readonly stopSignal?: string | undefined;
  /** `--stop-timeout`: seconds, 10 when absent. */
  readonly stopTimeout?: number | undefined;
}

/** The same, read. */
export interface Life {
  readonly name: string | undefined;
  /** The name of the container that is removed before. */
  readonly replace: string | undefined;
  readonly remove: boolean;
  readonly cidFile: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly restart: RestartPolicy;
  readonly stopSignal: string | undefined;
  readonly stopTimeout: number;
}

const STOP_TIMEOUT = 10;

/** `NAME=value` and `NAME` → values by name; the last of a name wins. @throws USAGE */
export function parseLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([^=]+)(?:=([\s\S]*))?$/.exec(text) ?? [];
      if (name === undefined) throw new TsimgError('USAGE', 'not a label', { where: text, hint: 'NAME=value or NAME' });
      return [name, value ?? ''];
    }),
  );
}

/** Reads what was asked for. @throws USAGE */
export function parseLife(options: LifeRequest, detached: boolean): Life {
  const restart = parseRestartPolicy(options.restart ?? 'no');
  if (restart.when !== 'no' && options.remove) {
    throw new TsimgError('USAGE', '--restart and --rm exclude each other', {});
  }
  if (restart.when !== 'no' && !detached) {
    throw new TsimgError('USAGE', '--restart is for detached containers', {
      why: 'nobody would be there to start it again',
      hint: 'add -d',
    });
  }
  if (options.replace && options.name === undefined) throw new TsimgError('USAGE', '--replace needs a --name');
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
