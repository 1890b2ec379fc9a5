import type { Argument, Command, Option } from 'commander';
import { describeOption } from '../../src/cli/help.ts';
import { optionGroups } from '../../src/cli/option-groups.ts';

// docs/cli.md: the texts of help, as a page.

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function optionRow(option: Option): string {
  return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(describeOption(option))} |`;
}

function argumentText(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? name : `[${name}]`;
}

function optionTables(command: Command): string {
  return [...optionGroups(command)]
    .map(([heading, options]): readonly [string, readonly Option[]] => [heading, options.filter(isOwn)])
    .filter(([, options]) => options.length > 0)
    .map(([heading, options]) => {
      const rows = options.map(optionRow).join('\n');
      return `\n**${heading.replace(/:$/, '')}**\n\n| option | meaning |\n|---|---|\n${rows}\n`;
    })
    .join('');
}

/** All but `--help`, which every command has. */
function isOwn(option: Option): boolean {
  return option.long !== '--help';
}

function section(command: Command): string {
  const usage = ['tsimg', command.name(), '[options]', ...command.registeredArguments.map(argumentText)].join(' ');
  return `## tsimg ${command.name()}\n\n    ${usage}\n\n${command.description()}\n${optionTables(command)}`;
}

function contents(commands: readonly Command[]): string {
  const headings = [...new Set(commands.map((command) => command.helpGroup()))];
  return headings
    .map((heading) => {
      const links = commands
        .filter((command) => command.helpGroup() === heading)
        .map((command) => `[${command.name()}](#tsimg-${command.name()})`);
      return `- ${heading} ${links.join(', ')}`;
    })
    .join('\n');
}

/** The page of all commands. */
export function cliPage(program: Command): string {
  const commands = program.commands.filter((command) => command.name() !== 'help');
  return `# Commands

Made from the program by \`npm run docs\`. What SOURCE can be, and the exit statuses, stand in the
[README](../README.md) and in [errors.md](errors.md). \`tsimg COMMAND --help\` and \`man tsimg-COMMAND\` show the same.

${contents(commands)}

${commands.map(section).join('\n')}`;
}
