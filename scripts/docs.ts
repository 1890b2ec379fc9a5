import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { describeOption } from '../src/cli/help.ts';
import { createProgram } from '../src/cli/program.ts';

// Writes docs/cli.md from the program itself; with --check, only compares, so that the page cannot grow old.

const TARGET = join(dirname(dirname(import.meta.dirname)), 'docs', 'cli.md');

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

function section(command: Command): string {
  const usage = ['tsimg', command.name(), '[options]', ...command.registeredArguments.map(argumentText)].join(' ');
  const options = command.options.filter((option) => !option.hidden).map(optionRow);
  const table = options.length === 0 ? '' : `\n| option | meaning |\n|---|---|\n${options.join('\n')}\n`;
  return `## tsimg ${command.name()}\n\n    ${usage}\n\n${command.description()}\n${table}`;
}

const program = await createProgram(() => {});
const page = `# Commands

Made from the program by \`npm run docs\`. What SOURCE can be, and the exit statuses, stand in the [README](../README.md) and in
[errors.md](errors.md).

${program.commands
  .filter((command) => command.name() !== 'help')
  .map(section)
  .join('\n')}`;

if (process.argv.includes('--check')) {
  if (readFileSync(TARGET, 'utf8') !== page) {
    console.error('docs/cli.md is not what the program says; run: npm run docs');
    process.exit(1);
  }
} else {
  writeFileSync(TARGET, page);
}
