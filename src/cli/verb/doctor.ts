import type { Command } from 'commander';
import type { Finding } from '../../launch/show/diagnose.ts';
import { escapeText, formatJson } from '../show/escape.ts';

interface DoctorOptions {
  readonly root?: string;
  readonly json?: boolean;
}

/** A line for each finding, and one each for cause and remedy where something is amiss. */
function formatFinding({ topic, state, found, cause, remedy }: Finding): string {
  const why = [cause, remedy === undefined ? undefined : `try: ${remedy}`].filter((line) => line !== undefined);
  return [`${state.padEnd(8)}${topic.padEnd(14)}${found}`, ...why.map((line) => `${' '.repeat(22)}${line}`)]
    .map(escapeText)
    .join('\n');
}

/** `tsimg doctor`: 0 where containers can be started, else 1. */
export function addDoctor(program: Command, setStatus: (status: number) => void): void {
  program
    .command('doctor')
    .description('Try what a container needs of this host; tell what works, what does not, why, and what would help.')
    .optionsGroup('General:')
    .option('--root <dir>', 'where images are kept (also $TSIMG_ROOT)')
    .option('--json', 'results and errors as JSON')
    .action(async (_: unknown, invoked: Command) => {
      const options: DoctorOptions = invoked.optsWithGlobals();
      const { diagnoseHost } = await import('../../verbs/look/doctor.ts');
      const { ok, findings } = await diagnoseHost({ root: options.root });
      if (options.json) process.stdout.write(`${formatJson({ ok, findings }, 2)}\n`);
      else process.stdout.write(`${findings.map(formatFinding).join('\n')}\n`);
      setStatus(ok ? 0 : 1);
    });
}
