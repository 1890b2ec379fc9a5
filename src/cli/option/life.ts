import type { Command } from 'commander';
import type { LifeRequest } from '../../verbs/run/life-request.ts';
import { collect, wholeNumber } from './parsers.ts';

/** The options of `withLife`, as commander names them. */
export interface LifeOptions {
  readonly detach?: boolean;
  readonly name?: string;
  readonly replace?: boolean;
  readonly rm?: boolean;
  readonly cidfile?: string;
  readonly label: readonly string[];
  readonly restart?: string;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
}

/** How the container lives, and what is kept of it: docker's options. */
export function withLife(command: Command): Command {
  return command
    .optionsGroup('Life:')
    .option('-d, --detach', 'in the background: print the ID when the command runs')
    .option('--name <name>', 'the name of the container; one is made up otherwise')
    .option('--replace', 'kill and remove the container that has the name before')
    .option('--rm', 'remove the container when it ends')
    .option('--cidfile <file>', 'write the ID to a file, which must not be there')
    .option('-l, --label <name[=value]>', 'a label of the container', collect, [])
    .option('--restart <policy>', 'start a command that ended again: no, on-failure[:times], always, unless-stopped')
    .option('--stop-signal <signal>', 'what tsimg stop sends (the image’s, or SIGTERM)')
    .option('--stop-timeout <seconds>', 'how long tsimg stop waits before SIGKILL (10)', wholeNumber);
}

/** What the options ask for. */
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

/** Adds how long `stop` and `restart` wait. */
export function withStopTime(command: Command): Command {
  return command.option(
    '-t, --time <seconds>',
    'how long to wait before SIGKILL (10, or what run was told)',
    wholeNumber,
  );
}
