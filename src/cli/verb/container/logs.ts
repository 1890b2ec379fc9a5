import type { Command } from 'commander';
import { statePlace } from '../../../verbs/places.ts';
import { wholeNumber } from '../../option/parsers.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
}

/** Settles when the stream takes more, or fails: a stream that lost its reader is never drained. */
async function written(to: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  if (to.errored !== null || to.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const events = ['drain', 'error', 'close'];
    const settle = () => {
      for (const event of events) to.off(event, settle);
      resolve();
    };
    for (const event of events) to.on(event, settle);
  });
}

/** Parses docker's `--tail`; `all`, the default, is infinity. */
function lineCount(text: string): number {
  return text === 'all' ? Number.POSITIVE_INFINITY : wholeNumber(text);
}

/** Adds `tsimg logs`. */
export function addLogs(program: Command): void {
  const logs = program
    .command('logs')
    .description('Print the output of a detached container, on stdout and stderr as it was written.')
    .argument('<container>', 'a name or an ID')
    .option('-f, --follow', 'go on until the container ends')
    .option('-n, --tail <lines>', 'print only this many of the last lines (default: all)', lineCount)
    .option(
      '--since <time>',
      'print only lines since a time: RFC 3339, seconds since 1970, or a time span (90s, 1h30m)',
    )
    .option('--until <time>', 'print only lines until a time, in the same forms')
    .option('-t, --timestamps', 'print the time of each line');
  withCommon(logs).action(async (container: string, _: unknown, invoked: Command) => {
    const options: LogsOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context }) => {
      const [{ containerLog }, { parseTime }] = await Promise.all([
        import('../../../verbs/look/container-logs.ts'),
        import('../../../verbs/look/parse-time.ts'),
      ]);
      const now = new Date();
      const timeOf = (text: string | undefined) => (text === undefined ? undefined : parseTime(text, now));
      const tail = options.tail === Number.POSITIVE_INFINITY ? undefined : options.tail;
      const choice = { follow: options.follow, tail, since: timeOf(options.since), until: timeOf(options.until) };
      const inLine = { stdout: false, stderr: false };
      const places = { ...context, stateRoot: statePlace(options) };
      for await (const entry of containerLog(container, choice, places)) {
        const stamp = options.timestamps && !inLine[entry.stream] ? Buffer.from(`${entry.time} `) : Buffer.alloc(0);
        inLine[entry.stream] = !entry.ends;
        await written(process[entry.stream], Buffer.concat([stamp, entry.text]));
      }
    });
  });
}
