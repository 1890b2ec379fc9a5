import { type Command, Help, Option } from 'commander';
import { TsimgError } from '../errors.ts';
import { optionGroups } from './option-groups.ts';

const HELP = new Help();
/** Columns of the widest option whose description begins on the same line. */
const MAX_TERM_WIDTH = 26;
/** Longer lines are hard to read on any terminal. Columns. */
const MAX_WIDTH = 100;

/** Returns the description of an option with its choices and its default. An empty list is no default to be shown. */
export function describeOption(option: Option): string {
  const { flags, description, defaultValue, argChoices } = option;
  if (!Array.isArray(defaultValue) || defaultValue.length > 0) return HELP.optionDescription(option);
  const bare = new Option(flags, description);
  return HELP.optionDescription(argChoices === undefined ? bare : bare.choices([...argChoices]));
}

/** Lays commander's help out for the terminal, 100 columns at most: options under headings, long ones on own lines. */
export const HELP_LAYOUT: Partial<Help> = {
  optionDescription: describeOption,
  prepareContext({ helpWidth = 80 }) {
    this.helpWidth = Math.min(helpWidth, MAX_WIDTH);
  },
  visibleOptions(command) {
    const groups = [...optionGroups(command)];
    for (const [heading, options] of groups) for (const option of options) option.helpGroup(heading);
    return groups.flatMap(([, options]) => options);
  },
  groupItems(_, items, headingOf) {
    const groups = new Map<string, typeof items>();
    for (const item of items) groups.set(headingOf(item), [...(groups.get(headingOf(item)) ?? []), item]);
    return groups;
  },
  subcommandTerm: (command) => command.name(),
  padWidth: (command, helper) => Math.min(HELP.padWidth(command, helper), MAX_TERM_WIDTH),
  formatItem(term, width, description, helper) {
    if (term.length <= width) return HELP.formatItem.call(this, term, width, description, helper);
    return `  ${term}\n${HELP.formatItem.call(this, '', width, description, helper)}`;
  },
};

/** Adds `tsimg help [COMMAND]`. */
export function addHelp(program: Command): void {
  program
    .command('help')
    .helpGroup('This host:')
    .helpOption(false)
    .description('Show help for a command.')
    .argument('[command]', 'a command (default: a list of all)')
    .action((name: string | undefined) => {
      const shown = name === undefined ? program : program.commands.find((command) => command.name() === name);
      if (shown === undefined) {
        throw new TsimgError('USAGE', 'no such command', { where: name, hint: 'tsimg help lists the commands' });
      }
      shown.outputHelp();
    });
}
