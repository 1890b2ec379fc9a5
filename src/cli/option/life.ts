import type { Command } from 'commander';
import type { LifeRequest } from '../../verbs/run/life-request.ts';
import { collect, wholeNumber } from './parsers.ts';

/** The options of `withLife`, as commander names them. */
export interface LifeOptions {
  readonly name?: string;
  readonly replace?: boolean;
  readonly rm?: boolean;
  readonly cidfile?: string;
  readonly label: readonly string[];
  readonly restart?: string;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
}

/** Adds docker's options about the life of a container, and about its log and its removal. */
export function withLife(command: Command): Command {
  return command
    .optionsGroup('Life:')
    .option('--name <name>', 'the name of the container (default: a random name)')
    .option('--replace', 'first kill and remove the container that has the name')
    .option('--rm', 'remove the container when it ends')
    .option('--cidfile <file>', 'write the ID to a file that does not exist')
    .option('-l, --label <name[=value]>', 'add a label to the container', collect, [])
    .option(
      '--restart <policy>',
      'when to start an ended command again: no, on-failure[:times], always or unless-stopped (default: no)',
    )
    .option('--stop-signal <signal>', 'the signal that tsimg stop sends first (default: the image’s, or SIGTERM)')
    .option('--stop-timeout <seconds>', 'the time that tsimg stop waits before SIGKILL (default: 10)', wholeNumber);
}

/** Returns the request of these options. */
export function lifeRequest(options: LifeOptions): LifeRequest {
  return {
    name: options.name,
    replace: options.replace,
    remove: options.rm,
    cidFile: options.cidfile,
    labels: options.label,
    restart: options.restart,
    stopSignal: options.stopSignal,
    stopTimeout: options.stopTimeout,
  };
}

/** Adds the time that `stop` and `restart` wait. */
export function withStopTime(command: Command): Command {
  return command.option(
    '-t, --time <seconds>',
    'the time to wait before SIGKILL (default: --stop-timeout of run, or 10)',
    wholeNumber,
  );
}
