import { type Command, Help, Option } from 'commander';
import { TsimgError } from '../errors.ts';

const HELP = new Help();

/** What help says of an option: its choices and its default, but not that one for several values is an empty list without any. */
export function describeOption(option: Option): string {
  const { flags, description, defaultValue, argChoices } = option;
  if (!Array.isArray(defaultValue) || defaultValue.length > 0) return HELP.optionDescription(option);
  const bare = new Option(flags, description);
  return HELP.optionDescription(argChoices === undefined ? bare : bare.choices([...argChoices]));
}

/** `tsimg help [COMMAND]`. Its action @throws USAGE */
export function addHelp(program: Command): void {
  program
    .command('help')
    .helpOption(false)
    .description('show help for a command')
    .argument('[command]')
    .action((name: string | undefined) => {
      const shown = name === undefined ? program : program.commands.find((command) => command.name() === name);
      if (shown === undefined) {
        throw new TsimgError('USAGE', 'no such command', { where: name, hint: 'tsimg help shows the commands' });
      }
      shown.outputHelp();
    });
}
