import type { Argument, Command } from 'commander';
import { describeOption } from '../../src/cli/help.ts';
import { optionGroups } from '../../src/cli/option-groups.ts';
import { HOW_TO_COMPLETE } from '../../src/cli/verb/completion.ts';
import { version } from '../../src/version.ts';
import { mdocFlags, mdocLiteral, mdocText, mdocWords } from './mdoc.ts';

// man/: a manual page of the command and one of each verb, as git and podman have them.

/** When the form of the pages was changed last: mdoc(7) wants a date. */
const DATE = 'November 29, 2026';

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['TSIMG_ROOT', 'where images and containers are kept, when there is no --root'],
  [
    'XDG_DATA_HOME',
    'an ordinary user’s images and containers are kept in its folder tsimg, else in ~/.local/share/tsimg',
  ],
  ['DOCKER_DEFAULT_PLATFORM', 'the platform to choose, when there is no --platform'],
  ['REGISTRY_AUTH_FILE', 'the file with credentials, when there is no --authfile'],
  ['DOCKER_CONFIG', 'the folder with docker’s config.json'],
  ['SSL_CERT_FILE', 'certificate authorities to trust in place of the host’s'],
  ['NODE_EXTRA_CA_CERTS', 'certificate authorities to trust besides'],
  ['TMPDIR', 'where temporary files go'],
];

const FILES: readonly (readonly [path: string, meaning: string])[] = [
  ['/var/lib/tsimg', 'the images and containers of root'],
  ['~/.local/share/tsimg', 'the images and containers of an ordinary user'],
  ['~/.docker/config.json', 'credentials for registries'],
  ['/etc/subuid , /etc/subgid', 'the IDs that an ordinary user’s containers may have besides the user’s own'],
];

/** Each is run by test/docs/man.test.ts, beside an archive of this name. */
const EXAMPLES: readonly (readonly [meaning: string, command: string])[] = [
  ['Unpack an image into a directory, and look at it:', 'tsimg unpack image.tar.gz rootfs'],
  [
    'Run a command in it without a network, and leave nothing behind:',
    'tsimg run --rm --network none image.tar.gz echo hello',
  ],
  [
    'See each step of a start as a command line, with the reason for it:',
    'tsimg run --explain --dry-run --network none image.tar.gz',
  ],
];

interface ExitStatus {
  readonly status: string;
  readonly meaning: string;
}

/** The table of exit statuses of docs/errors.md. */
function exitStatuses(errors: string): readonly ExitStatus[] {
  return [...errors.matchAll(/^\| (\d+) +\| (.*?) +\|$/gm)].map(([, status = '', meaning = '']) => ({
    status,
    meaning,
  }));
}

/** Returns the name of a verb's page, made of the words that users type: tsimg-run for `tsimg run`. */
function pageName(verb: Command): string {
  return `tsimg-${verb.name()}`;
}

function header(name: string, about: string): readonly string[] {
  return [
    '.\\" Made by: npm run docs',
    `.Dd ${DATE}`,
    `.Dt ${name.toUpperCase()} 1`,
    `.Os tsimg ${version}`,
    '.Sh NAME',
    `.Nm ${name}`,
    `.Nd ${mdocWords(about)}`,
  ];
}

function tagList(items: readonly (readonly [tag: string, text: string])[]): readonly string[] {
  return ['.Bl -tag -width Ds', ...items.flatMap(([tag, text]) => [`.It ${tag}`, mdocText(text)]), '.El'];
}

function operand(argument: Argument): string {
  const name = mdocWords(argument.name()) + (argument.variadic ? ' ...' : '');
  return argument.required ? `.Ar ${name}` : `.Op Ar ${name}`;
}

function operands(verb: Command): readonly string[] {
  if (verb.registeredArguments.length === 0) return [];
  const items = verb.registeredArguments
    .filter(({ description }) => description !== '')
    .map((argument): readonly [string, string] => [`Ar ${mdocWords(argument.name())}`, argument.description]);
  return items.length === 0 ? [] : ['.Pp', 'The operands:', ...tagList(items)];
}

function options(command: Command): readonly string[] {
  const groups = [...optionGroups(command)];
  if (groups.length === 0) return [];
  return [
    '.Sh OPTIONS',
    ...groups.flatMap(([heading, members]) => [
      `.Ss ${mdocWords(heading.replace(/:$/, ''))}`,
      ...tagList(members.map((option) => [mdocFlags(option.flags), describeOption(option)])),
    ]),
  ];
}

/** The first sentence without its full stop, as a page's one line. */
function oneLine(description: string): string {
  const [sentence = description] = description.split(/(?<=\.) /);
  return sentence.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}

/** Lines that are shown as they are. */
function howTo(): readonly string[] {
  const [about = '', ...lines] = HOW_TO_COMPLETE.split('\n').filter((line) => line !== '');
  const commands = lines.filter((line) => line.startsWith(' '));
  const rest = lines.filter((line) => !line.startsWith(' ')).join(' ');
  const literal = ['.Bd -literal -offset indent', ...commands.map((line) => mdocLiteral(line.trim())), '.Ed'];
  return ['.Sh EXAMPLES', mdocText(about), ...literal, '.Pp', mdocText(rest)];
}

function verbPage(verb: Command): string {
  const { length } = verb.options;
  return `${[
    ...header(pageName(verb), oneLine(verb.description())),
    '.Sh SYNOPSIS',
    `.Nm tsimg ${verb.name()}`,
    ...(length === 0 ? [] : ['.Op Ar options']),
    ...verb.registeredArguments.map(operand),
    '.Sh DESCRIPTION',
    mdocText(
      verb
        .description()
        .replace(/^[a-z]/, (letter) => letter.toUpperCase())
        .replace(/(?<!\.)$/, '.'),
    ),
    ...operands(verb),
    ...options(verb),
    '.Sh EXIT STATUS',
    'That of every command is in',
    '.Xr tsimg 1 .',
    ...(verb.name() === 'completion' ? howTo() : []),
    '.Sh SEE ALSO',
    '.Xr tsimg 1',
  ].join('\n')}\n`;
}

function commandLists(verbs: readonly Command[]): readonly string[] {
  const headings = [...new Set(verbs.map((verb) => verb.helpGroup()))];
  return headings.flatMap((heading) => [
    `.Ss ${mdocWords(heading.replace(/:$/, ''))}`,
    ...tagList(
      verbs
        .filter((verb) => verb.helpGroup() === heading)
        .map((verb) => [
          `Xr ${pageName(verb)} 1`,
          verb.description().replace(/^[a-z]/, (letter) => letter.toUpperCase()),
        ]),
    ),
  ]);
}

function programPage(program: Command, verbs: readonly Command[], errors: string): string {
  const statuses = exitStatuses(errors);
  return `${[
    ...header('tsimg', 'container images and root filesystems, without a daemon'),
    '.Sh SYNOPSIS',
    '.Nm',
    '.Op Ar options',
    '.Ar command',
    '.Op Ar ...',
    '.Sh DESCRIPTION',
    '.Nm',
    'pulls container images, unpacks them to root filesystems, and runs commands',
    'in them, as root or as an ordinary user.',
    'There is no daemon: each call does its work and ends.',
    '.Sh COMMANDS',
    ...commandLists(verbs),
    ...options(program),
    '.Sh ENVIRONMENT',
    ...tagList(ENVIRONMENT.map(([name, meaning]) => [`Ev ${name}`, meaning])),
    '.Sh FILES',
    ...tagList(FILES.map(([path, meaning]) => [`Pa ${path}`, meaning])),
    '.Sh EXIT STATUS',
    mdocText(
      'run, exec and unshare answer with the status of the command. Where they fail: 125; 126 when the command cannot ' +
        'be invoked; 127 when it is not found. All other commands:',
    ),
    ...tagList(statuses.map(({ status, meaning }) => [status, meaning])),
    '.Sh EXAMPLES',
    ...EXAMPLES.flatMap(([meaning, command], index) => [
      ...(index === 0 ? [] : ['.Pp']),
      mdocText(meaning),
      `.Dl ${mdocWords(command)}`,
    ]),
    '.Sh SEE ALSO',
    ...verbs
      .map(pageName)
      .sort()
      .map((name, index) => `.Xr ${name} 1${index === verbs.length - 1 ? '' : ' ,'}`),
    '.Pp',
    'The folder docs of the package, with errors.md and cli.md.',
  ].join('\n')}\n`;
}

/** By path in the checkout: the pages of a program with all its verbs. @param errors docs/errors.md */
export function manPages(program: Command, errors: string): ReadonlyMap<string, string> {
  const verbs = program.commands.filter((command) => command.name() !== 'help');
  return new Map([
    ['man/tsimg.1', programPage(program, verbs, errors)],
    ...verbs.map((verb): readonly [string, string] => [`man/${pageName(verb)}.1`, verbPage(verb)]),
  ]);
}
