import type { Command } from 'commander';
import type { ExecRequest } from '../../launch/plan/plan-exec.ts';
import { readEnvFile } from './env-file.ts';
import { collect } from './parsers.ts';

/** The options of `withCommand`, as commander names them. */
export interface CommandOptions {
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
}

/** The texts of the help about defaults, which differ between verbs. */
interface CommandHelp {
  /** Where the names of users are looked up. */
  readonly names: 'image' | 'container';
  readonly workdir: string;
  readonly user: string;
}

/** Adds docker's options about the command that runs in a container. */
export function withCommand(command: Command, { names, workdir, user }: CommandHelp): Command {
  return command
    .option('-i, --interactive', 'pass standard input to the command; without it the command reads /dev/null')
    .option('-t, --tty', 'give the command a terminal of its own')
    .option('-e, --env <name[=value]>', 'set a variable; without a value, pass on the caller’s', collect, [])
    .option('--env-file <file>', 'set the variables of a file; -e overrides them', collect, [])
    .option('-w, --workdir <dir>', `the directory to start in (default: ${workdir})`)
    .option('-u, --user <user[:group]>', `the user to run as, by name in the ${names} or by number (default: ${user})`);
}

/** Returns the part of a request that these options make. @throws USAGE */
export async function commandRequest(options: CommandOptions): Promise<Omit<ExecRequest, 'command' | 'detached'>> {
  return {
    interactive: options.interactive ?? false,
    terminal: options.tty ?? false,
    env: options.env,
    envFiles: await Promise.all(options.envFile.map(readEnvFile)),
    workdir: options.workdir,
    user: options.user,
  };
}
