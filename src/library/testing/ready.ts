import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { messageOf, TsimgError } from '../../errors.ts';
import type { Container } from '../container/container.ts';
import { EXEC_CHECKS, type ExecOptions } from '../container/exec.ts';
import type { Endpoint } from '../container/ports.ts';
import type { ReadyCheck } from '../container/start-container.ts';
import { checkPause, checkWhole } from '../options/check-number.ts';
import {
  action,
  type Checks,
  checkCommand,
  checkOptions,
  listOf,
  takes,
  text,
  values,
  wrongValue,
} from '../options/check-options.ts';
import { checkPort } from '../options/container-checks.ts';
import { listeningOn } from './listening.ts';
import { type PollOptions, poll } from './poll.ts';

/** How often a text must have come in the log. */
export interface LogCheckOptions {
  /** Default 1. PostgreSQL's image, for one, starts its server twice. */
  readonly times?: number | undefined;
}

/** What an HTTP server must answer. */
export interface HttpCheckOptions extends PollOptions {
  /** Default: any of 200 to 299. */
  readonly status?: number | ((status: number) => boolean) | undefined;
  /** What the answer must hold: a text, an expression, or a function's judgement. Its first MiB is looked at. */
  readonly body?: string | RegExp | ((body: string) => boolean) | undefined;
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** How a command is run as a check. */
export interface CommandCheckOptions extends PollOptions, Pick<ExecOptions, 'user' | 'env' | 'workdir'> {}

const POLL_CHECKS: Checks<PollOptions> = { interval: checkPause };
const LOG_CHECKS: Checks<LogCheckOptions> = { times: (option, value) => checkWhole(option, value, { least: 1 }) };

const HTTP_CHECKS: Checks<HttpCheckOptions> = {
  ...POLL_CHECKS,
  status: takes(
    'a whole number from 100 to 599, or a function',
    (value) =>
      typeof value === 'function' || (Number.isSafeInteger(value) && Number(value) >= 100 && Number(value) < 600),
  ),
  body: takes(
    'a text, an expression or a function',
    (value) => typeof value === 'string' || typeof value === 'function' || value instanceof RegExp,
  ),
  method: text,
  headers: values,
};

const COMMAND_CHECKS: Checks<CommandCheckOptions> = {
  ...POLL_CHECKS,
  user: EXEC_CHECKS.user,
  env: EXEC_CHECKS.env,
  workdir: EXEC_CHECKS.workdir,
};

/** Milliseconds that one request or connection may take. */
const ATTEMPT = 5000;

/** Connects from this machine, and tells why that fails. */
function connecting({ host, port }: Endpoint, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal, timeout: ATTEMPT });
    const end = (why: string | undefined) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end('no answer'));
    socket.once('error', (error) => end(messageOf(error)));
  });
}

/** Where a port of the container is reached on this machine; undefined where it is not published. */
function published(container: Container, port: number): Endpoint | undefined {
  try {
    return container.endpoint(port);
  } catch (error) {
    if (error instanceof TsimgError) return undefined;
    throw error;
  }
}

/** A program in the container listens on the TCP port; where it is published, it can be reached from this machine. */
function port(number: number, options: PollOptions = {}): ReadyCheck {
  checkPort(number, 'tcp');
  checkOptions('ready.port', options, POLL_CHECKS);
  return async (container, signal) => {
    const outside = published(container, number);
    await poll(
      `port ${number} of ${container.name}`,
      async (attempt) => {
        const listening = await listeningOn(container, number);
        if (listening === 'no') return 'no program listens on it';
        if (outside === undefined) return undefined;
        const failure = await connecting(outside, attempt);
        if (failure === undefined || listening === 'yes') return failure;
        return `a program listens on it, but on the loopback of the container alone (${failure})`;
      },
      { ...options, signal },
    );
  };
}

/** The container has written a line that has this text, or that the expression matches. */
function log(wanted: string | RegExp, options: LogCheckOptions = {}): ReadyCheck {
  if (typeof wanted !== 'string' && !(wanted instanceof RegExp))
    throw wrongValue('text', wanted, 'a text or an expression');
  checkOptions('ready.log', options, LOG_CHECKS);
  const { times = 1 } = options;
  // An expression that remembers where it was would skip lines.
  const expression =
    typeof wanted === 'string' ? undefined : new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, ''));
  return async (container, signal) => {
    let seen = 0;
    const failed = (what: string, cause?: unknown) =>
      new TsimgError('LAUNCH_FAILED', `${what} ${String(wanted).slice(0, 200)}`, {
        where: container.name,
        why: `it came ${seen} of ${times} times`,
        cause,
      });
    try {
      for await (const line of container.logs({ follow: true, signal })) {
        if (expression?.test(line.text) ?? line.text.includes(String(wanted))) seen += 1;
        if (seen >= times) return;
      }
    } catch (error) {
      throw signal.aborted ? failed('waited in vain for a line with', error) : error;
    }
    throw failed('the log has ended without');
  };
}

function accepted(wanted: HttpCheckOptions['status'], status: number): boolean {
  if (typeof wanted === 'function') return wanted(status);
  return wanted === undefined ? status >= 200 && status < 300 : status === wanted;
}

/** Bytes of an answer that are looked at. */
const BODY = 1024 * 1024;

async function startOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= BODY) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY).toString();
}

/** What is missing in an answer; undefined where nothing is. */
async function missingIn(response: IncomingMessage, { status: wanted, body }: HttpCheckOptions) {
  const { statusCode = 0 } = response;
  if (!accepted(wanted, statusCode)) return `the answer is ${statusCode}`;
  if (body === undefined) return undefined;
  const text = await startOf(response);
  const isRight =
    typeof body === 'function' ? body(text) : typeof body === 'string' ? text.includes(body) : text.search(body) >= 0;
  return isRight ? undefined : `the answer is ${statusCode}, with another body`;
}

/** The server behind a published port answers a request for the path with a status, and a body, that is wanted. */
function http(number: number, path = '/', options: HttpCheckOptions = {}): ReadyCheck {
  checkPort(number, 'tcp');
  text('path', path);
  checkOptions('ready.http', options, HTTP_CHECKS);
  const { method, headers } = options;
  return async (container, signal) => {
    const { host, port, authority } = container.endpoint(number);
    const target = { host, port, path, method, headers };
    const attempt = (signal: AbortSignal) =>
      new Promise<string | undefined>((resolve) => {
        const asking = request({ ...target, agent: false, signal, timeout: ATTEMPT }, (response) => {
          void missingIn(response, options)
            .then(resolve, (error: unknown) => resolve(messageOf(error)))
            .finally(() => response.destroy());
        });
        asking.once('timeout', () => asking.destroy(new Error('no answer')));
        asking.once('error', (error) => resolve(messageOf(error)));
        asking.end();
      });
    await poll(`http://${authority}${path}`, attempt, { ...options, signal });
  };
}

/** The command ends with status 0 in the container. */
function command(words: readonly string[], options: CommandCheckOptions = {}): ReadyCheck {
  checkCommand(words, 1);
  checkOptions('ready.command', options, COMMAND_CHECKS);
  const { interval, ...settings } = options;
  return async (container, signal) => {
    const attempt = async (signal: AbortSignal) => {
      const { exitCode, stdout, stderr } = await container.exec(words, { ...settings, signal });
      const last = `${stdout}\n${stderr}`.trim().split('\n').at(-1) ?? '';
      return exitCode === 0 ? undefined : `status ${exitCode}${last === '' ? '' : `: ${last.slice(0, 500)}`}`;
    };
    await poll(`${words.join(' ').slice(0, 200)} in ${container.name}`, attempt, { interval, signal });
  };
}

/** The health check of the container or of its image has passed. */
function healthy(options: PollOptions = {}): ReadyCheck {
  checkOptions('ready.healthy', options, POLL_CHECKS);
  return async (container, signal) => {
    const attempt = async () => {
      const { Health } = (await container.inspect()).State;
      if (Health?.Status === 'healthy') return undefined;
      const last = Health?.Log.at(-1)?.Output.trim() ?? '';
      const why = last === '' ? undefined : last.slice(0, 500);
      if (Health?.Status === 'starting') return why ?? 'it has not been checked yet';
      const what = Health === undefined ? 'the container has no health check' : 'the container is unhealthy';
      return new TsimgError('CONTAINER_STATE', what, { where: container.name, why });
    };
    await poll(`the health check of ${container.name}`, attempt, { ...options, signal });
  };
}

/** All checks pass, at the same time. */
function all(...checks: readonly ReadyCheck[]): ReadyCheck {
  listOf('checks', action)('checks', checks);
  return async (container, signal) => {
    await Promise.all(checks.map((check) => check(container, signal)));
  };
}

/**
 * Checks for `ready` of {@link startContainer}: each waits until a container can be used, and says what was missing
 * when it is given up.
 */
export const ready = { port, log, http, command, healthy, all } as const;
