import type { Command } from 'commander';
import type { LaunchPlan } from '../../../launch/launch-plan.ts';
import { printEnd } from '../../print-end.ts';
import { type RunOptions, runRequest, runSettings, withRun } from '../../run-options.ts';
import { inSession } from '../../session.ts';

interface ForegroundOptions extends RunOptions {
  readonly detach?: boolean;
  readonly detachKeys?: string;
  readonly runtime?: string;
  readonly dryRun?: boolean;
  readonly explain?: boolean;
}

/** Adds `tsimg run`. */
export function addRun(program: Command, setStatus: (status: number) => void): void {
  const command = program
    .command('run')
    .description('Run a command in a new container of an image, or in a root filesystem.');
  withRun(command)
    .optionsGroup('Life:')
    .option('-d, --detach', 'run in the background, and print the ID once the command runs')
    .option(
      '--detach-keys <keys>',
      'with -it: run in the background with this terminal, until these keys are typed (such as ctrl-p,ctrl-q)',
    )
    .optionsGroup('Isolation:')
    .option(
      '--runtime <program>',
      'use an OCI runtime (crun, runc, or a path); the network is none or host, and no container is kept',
    )
    .optionsGroup('Plan:')
    .option('--explain', 'first print each step as a command line, with its reason, on stderr')
    .option('--dry-run', 'print what would be done, and do nothing; --json prints it as data, --explain as a lesson')
    .action(async (source: string, words: string[], _: unknown, invoked: Command) => {
      const options: ForegroundOptions = invoked.optsWithGlobals();
      const request = await runRequest(words, options);
      const status = await inSession({ ...options, outlivesOutput: true }, async (session) => {
        const { runSource, startSource, planSource } = await import('../../../verbs/run/run-source.ts');
        const explainPlan = options.explain
          ? (await import('../../../launch/show/explain-plan.ts')).explainPlan
          : undefined;
        const onPlan = explainPlan && ((plan: LaunchPlan) => session.note(explainPlan(plan)));
        const settings = { ...runSettings(options, session), runtime: options.runtime, onPlan };
        if (options.dryRun) {
          const { formatPlan } = await import('../../../launch/show/format-plan.ts');
          const plan = await planSource(source, request, settings);
          if (options.json) session.printJson(plan);
          else session.printLines((explainPlan ?? formatPlan)(plan));
          return 0;
        }
        if (options.detach) {
          session.print(await startSource(source, request, settings));
          return 0;
        }
        const { detachKeys, runtime } = options;
        const isAttached = detachKeys && request.terminal && request.interactive && runtime === undefined;
        if (!isAttached) return runSource(source, request, settings);
        const { runAttached } = await import('../../../verbs/attach/attach-container.ts');
        return printEnd(
          await runAttached(source, request, { detachKeys, signals: session.signals }, settings),
          session,
        );
      });
      setStatus(status);
    });
}
