import type { Command } from 'commander';
import type { ExecRequest } from '../../../launch/plan/plan-exec.ts';
import { statePlace } from '../../../verbs/places.ts';
import { type CommandOptions, commandRequest, withCommand } from '../../option/command.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface ExecOptions extends CommonOptions, CommandOptions {
  readonly detach?: boolean;
  readonly privileged?: boolean;
  readonly toolbox?: string;
  readonly dryRun?: boolean;
}

async function requestOf(command: readonly string[], options: ExecOptions): Promise<ExecRequest> {
  return {
    command,
    ...(await commandRequest(options)),
    detached: options.detach ?? false,
    privileged: options.privileged,
    toolbox: options.toolbox,
  };
}

/** Adds `tsimg exec`. Options end at the first operand. */
export function addExec(program: Command, setStatus: (status: number) => void): void {
  const command = program
    .command('exec')
    .description('Run a command in a running container.')
    .argument('<container>', 'a name or an ID')
    .argument('[command...]', 'the command and its arguments (default with --toolbox: a shell)')
    .passThroughOptions()
    .optionsGroup('Command:')
    .option('-d, --detach', 'run in the background, without output');
  withCommand(command, { names: 'container', workdir: 'the container’s', user: 'the container’s' })
    .optionsGroup('Isolation:')
    .option('--privileged', 'give all capabilities, and no system call filter')
    .optionsGroup('Files:')
    .option(
      '--toolbox <source>',
      'run in the files of this image, with the container’s files at /container; changes to the image’s files are lost',
    )
    .optionsGroup('Plan:')
    .option('--dry-run', 'print what would be done, and do nothing; --json prints it as data');
  withCommon(command).action(async (container: string, words: string[], _: unknown, invoked: Command) => {
    const options: ExecOptions = invoked.optsWithGlobals();
    const request = await requestOf(words, options);
    const stateRoot = statePlace(options);
    const status = await inSession({ ...options, outlivesOutput: true }, async (session) => {
      const { context, signals, printLines, printJson } = session;
      const { execInContainer, planExecIn } = await import('../../../verbs/run/exec-container.ts');
      const settings = { ...context, signals, stateRoot, root: options.root };
      if (!options.dryRun) return execInContainer(container, request, settings);
      const { formatExecPlan } = await import('../../../launch/show/format-exec-plan.ts');
      const plan = await planExecIn(container, request, settings);
      if (options.json) printJson(plan);
      else printLines(formatExecPlan(plan));
      return 0;
    });
    setStatus(status);
  });
}
