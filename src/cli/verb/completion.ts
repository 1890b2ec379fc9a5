import { Argument, type Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** The text of the help about switching completion on. */
export const HOW_TO_COMPLETE = `
To switch it on for the shells that you start from now on:

  bash  tsimg completion bash > ~/.local/share/bash-completion/completions/tsimg
  zsh   tsimg completion zsh > ~/.zfunc/_tsimg    (a folder of $fpath)
  fish  tsimg completion fish > ~/.config/fish/completions/tsimg.fish

docs/completion.md in the package says more. Its folder completions/ holds the
same scripts.`;

/** Returns the script for a shell. @param program has all of its verbs */
export async function completionScript(shell: Shell, program: Command): Promise<string> {
  const { commandLineOf } = await import('../completion/command-line.ts');
  const line = commandLineOf(program);
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash-completion.ts')).bashCompletion(line);
    case 'zsh':
      return (await import('../completion/zsh-completion.ts')).zshCompletion(line);
    case 'fish':
      return (await import('../completion/fish-completion.ts')).fishCompletion(line);
  }
}

/** Adds `tsimg completion` to a program that has all verbs. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .helpGroup('This host:')
    .description('Print the script that completes commands, options and names in a shell.')
    .addArgument(new Argument('<shell>', 'the shell to complete for').choices(SHELLS))
    .addHelpText('after', HOW_TO_COMPLETE)
    .action(async (shell: Shell) => {
      process.stdout.write(await completionScript(shell, program));
    });
}
