import type { Command } from 'commander';
import type { AttachRequest } from '../verbs/attach/attach-container.ts';
import { booleanText, parseBoolean } from './option/source.ts';
import type { Session } from './session.ts';

/** The options of `withAttach`, as commander names them. */
export interface AttachOptions {
  readonly detachKeys?: string;
  readonly sigProxy?: string;
}

/** Adds docker's options about an attachment to a container. */
export function withAttach(command: Command): Command {
  return command
    .option('--detach-keys <keys>', "the keys that detach from a terminal; '' for none (default: ctrl-p,ctrl-q)")
    .option(
      '--sig-proxy <bool>',
      'pass signals on to a container without a terminal (default: true)',
      booleanText('--sig-proxy'),
    );
}

/** Returns the request of these options. @throws USAGE */
export function attachRequest(options: AttachOptions, input: boolean, { signals }: Session): AttachRequest {
  const isProxied = parseBoolean(options.sigProxy, '--sig-proxy') ?? true;
  return { input, detachKeys: options.detachKeys, signals: isProxied ? signals : undefined };
}
