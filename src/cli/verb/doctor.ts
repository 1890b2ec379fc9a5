import type { Command } from 'commander';
import type { Finding } from '../../launch/show/diagnose.ts';
import { withGeneral } from '../option/general.ts';
import { escapeText, formatJson } from '../show/escape.ts';

interface DoctorOptions {
  readonly root?: string;
  readonly json?: boolean;
}

/** Formats a finding: one line, and a line each for its cause and its remedy. */
function formatFinding({ topic, state, found, cause, remedy }: Finding): string {
  const why = [cause, remedy === undefined ? undefined : `try: ${remedy}`].filter((line) => line !== undefined);
  return [`${state.padEnd(8)}${topic.padEnd(14)}${found}`, ...why.map((line) => `${' '.repeat(22)}${line}`)]
    .map(escapeText)
    .join('\n');
}

/** Adds `tsimg doctor`. Its status is 0 where containers can be started, else 1. */
export function addDoctor(program: Command, setStatus: (status: number) => void): void {
  const doctor = program
    .command('doctor')
    .description('Test what containers need of this host, and print what fails, why, and what would help.');
  withGeneral(doctor).action(async (_: unknown, invoked: Command) => {
    const options: DoctorOptions = invoked.optsWithGlobals();
    const { diagnoseHost } = await import('../../verbs/look/doctor.ts');
    const { ok, findings } = await diagnoseHost({ root: options.root });
    if (options.json) process.stdout.write(`${formatJson({ ok, findings }, 2)}\n`);
    else process.stdout.write(`${findings.map(formatFinding).join('\n')}\n`);
    setStatus(ok ? 0 : 1);
  });
}
