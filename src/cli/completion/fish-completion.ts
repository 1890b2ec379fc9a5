import type { CommandLine, CompletedOption, CompletedVerb } from './command-line.ts';
import type { ValueKind } from './value-kind.ts';

/** In single quotes of fish, in which only \' and \\ stand for something else. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** Returns the suggestions for a value, as options of fish's `complete`. */
function suggestion(kind: ValueKind): string {
  if (typeof kind !== 'string') return `-a ${quoted(kind.words.join(' '))}`;
  switch (kind) {
    case 'text':
      return '';
    case 'file':
      return '-F';
    case 'folder':
      return `-a '(__fish_complete_directories)'`;
    case 'source':
    case 'rootfs':
      return `-F -a '(__tsimg_images)'`;
    case 'inspected':
      return `-F -a '(__tsimg_containers -a) (__tsimg_images)'`;
    case 'inside':
      return `-F -a '(__tsimg_containers -a):'`;
    case 'container':
      return `-a '(__tsimg_containers -a)'`;
    case 'running':
      return `-a '(__tsimg_containers)'`;
    case 'image':
      return `-a '(__tsimg_images)'`;
    case 'program':
      return `-a '(__fish_complete_command)'`;
    case 'verb':
      return `-a "$__tsimg_verbs"`;
  }
}

/** @param condition a command of fish: where the option may stand */
function optionLine(condition: string, { names, description, value, isOptional }: CompletedOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const shown = value === undefined ? '' : suggestion(value);
  // -x: a value is required, and it is no file
  const taken = value === undefined ? [] : [isOptional ? '' : shown.startsWith('-F') ? '-r' : '-x', shown];
  const words = [`-n ${quoted(condition)}`, ...flags, ...taken, `-d ${quoted(description)}`];
  return `complete -c tsimg ${words.filter((word) => word !== '').join(' ')}`;
}

function operandLines({ name, operands }: CompletedVerb): readonly string[] {
  return operands.flatMap(({ kind, isVariadic }, index) => {
    const shown = suggestion(kind);
    return shown === ''
      ? []
      : [`complete -c tsimg -n '__tsimg_at ${name} ${index}${isVariadic ? ' more' : ''}' ${shown}`];
  });
}

/** The names of a verb's options that have a value of their own word. */
function takingCase(name: string, options: readonly CompletedOption[]): string {
  const taking = options.filter(({ value, isOptional }) => value !== undefined && !isOptional);
  return `        case ${quoted(name)}
            contains -- $argv[2] ${taking.flatMap(({ names }) => names).join(' ')}`;
}

/** The part of the script that does not depend on the verbs. fish never runs the output of a command substitution. */
const BODY = `
# What looks like the name of a container or an image; nothing else that tsimg prints is believed.
set -g __tsimg_name '^[A-Za-z0-9][A-Za-z0-9._/:@-]*$'

function __tsimg_containers
    command tsimg ps $argv --format '{{.Names}}' (__tsimg_line root) 2>/dev/null </dev/null |
        string match -r -- $__tsimg_name
end

function __tsimg_images
    command tsimg images (__tsimg_line root) 2>/dev/null </dev/null | string match -v -r -- '^REPOSITORY +TAG ' |
        string replace -r -- '^(\\S+) +(\\S+) .*$' '$1:$2' | string match -r -- $__tsimg_name
end

# Reads the words before the cursor. It prints the verb, the number of operands, and "ended" where no option can follow;
# or, when it is asked for root, the --root that was given.
function __tsimg_line
    set -l words (commandline -opc)
    set -l verb ''
    set -l operands 0
    set -l ended ''
    set -l wanted ''
    set -l root
    for word in $words[2..-1]
        if test -n "$wanted"
            test "$wanted" = --root; and set root --root (string replace -r '^~/' "$HOME/" -- $word)
            set wanted ''
        else if test -z "$ended"; and test "$word" = --
            set ended ended
        else if test -z "$ended"; and string match -q -- '--*=*' $word
            string match -q -- '--root=*' $word; and set root $word
        else if test -z "$ended"; and string match -q -- '--*' $word
            __tsimg_takes_value "$verb" $word; and set wanted $word
        else if test -z "$ended"; and string match -q -- '-?*' $word
            # -it, and -ite of which e has a value
            set -l letters (string split '' -- (string sub -s 2 -- $word))
            for index in (seq (count $letters))
                if __tsimg_takes_value "$verb" -$letters[$index]
                    test $index = (count $letters); and set wanted -$letters[$index]
                    break
                end
            end
        else if test -z "$verb"
            set verb $word
        else
            set operands (math $operands + 1)
            contains -- $verb $__tsimg_ending; and set ended ended
        end
    end
    if test "$argv" = root
        test -n "$root"; and printf '%s\\n' $root
    else
        # The word here is an option's value, and no operand
        test -n "$wanted"; and set operands -1
        printf '%s\\n' "$verb" $operands "$ended"
    end
end

# Whether an option of the verb may stand here
function __tsimg_in
    set -l line (__tsimg_line)
    test "$line[1]" = "$argv[1]"; and test -z "$line[3]"
end

# Whether the operand of the verb with this number stands here; with more, or a later one
function __tsimg_at
    set -l line (__tsimg_line)
    test "$line[1]" = "$argv[1]"; and test "$line[2]" -ge "$argv[2]"; or return
    test -n "$argv[3]"; or test "$line[2]" -eq "$argv[2]"
end

# Whether no verb was named yet
function __tsimg_begins
    set -l line (__tsimg_line)
    test -z "$line[1]"; and test "$line[2]" -eq 0
end

complete -c tsimg -f
`;

/** The script that fish finds among its completions, as `tsimg.fish`. */
export function fishCompletion({ options, verbs }: CommandLine): string {
  const ending = verbs.filter(({ endsAtOperand }) => endsAtOperand).map(({ name }) => name);
  const taking = [takingCase('', options), ...verbs.map(({ name, options: own }) => takingCase(name, own))];
  const lines = [
    ...options.map((option) => optionLine("__tsimg_in ''", option)),
    ...verbs.map(({ name, description }) => `complete -c tsimg -n __tsimg_begins -a ${name} -d ${quoted(description)}`),
    ...verbs.flatMap((verb) => [
      ...verb.options.map((option) => optionLine(`__tsimg_in ${verb.name}`, option)),
      ...operandLines(verb),
    ]),
  ];
  return `# fish completion of tsimg. Made by: tsimg completion fish

set -g __tsimg_verbs ${verbs.map(({ name }) => name).join(' ')}
# Of these, what follows the first operand belongs to a command.
set -g __tsimg_ending ${ending.join(' ')}

function __tsimg_takes_value
    switch "$argv[1]"
${taking.join('\n')}
        case '*'
            false
    end
end
${BODY}
${lines.join('\n')}
`;
}
