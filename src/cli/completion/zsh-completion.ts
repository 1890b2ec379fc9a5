import type { CommandLine, CompletedOption, CompletedVerb } from './command-line.ts';
import type { ValueKind } from './value-kind.ts';

/** In single quotes of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Returns the action of `_arguments` for a value: a function, or a list of words. */
function action(kind: ValueKind): string {
  if (typeof kind !== 'string') return `(${kind.words.map((word) => word.replaceAll(':', '\\:')).join(' ')})`;
  switch (kind) {
    case 'text':
      return ' ';
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    default:
      return `_tsimg_${kind}`;
  }
}

function description(text: string): string {
  return text.replace(/[[\]\\]/g, '\\$&').replaceAll(':', '\\:');
}

/** The specs of an option, one for each of its names. */
function optionSpecs({ names, value, isOptional, isRepeatable, ...option }: CompletedOption): readonly string[] {
  const excluded = isRepeatable ? '*' : `(${names.join(' ')})`;
  return names.map((name) => {
    const joint = value === undefined ? '' : !name.startsWith('--') ? '+' : isOptional ? '=-' : '=';
    const taken = value === undefined ? '' : `${isOptional ? '::' : ':'}value:${action(value)}`;
    return quoted(`${excluded}${name}${joint}[${description(option.description)}]${taken}`);
  });
}

function operandSpecs({ operands }: CompletedVerb): readonly string[] {
  return operands.map(({ name, kind, isVariadic }) =>
    quoted(`${isVariadic ? '*' : ''}:${description(name)}:${action(kind)}`),
  );
}

function verbCase(verb: CompletedVerb): string {
  const flags = verb.endsAtOperand ? "-s -S -A '-*'" : '-s -S';
  const specs = [...verb.options.flatMap(optionSpecs), ...operandSpecs(verb)];
  return `        ${verb.name})
          _arguments ${flags} \\
${specs.map((spec) => `            ${spec}`).join(' \\\n')} && answered=0
          ;;`;
}

/**
 * The part of the script that does not depend on the verbs. Names from outside are given to compadd, which quotes them.
 */
const BODY = `
# Adds names, where they look like the names of containers or images; nothing else is believed.
_tsimg_add() {
  setopt localoptions extendedglob
  local -a believed=("\${(@M)found:#[A-Za-z0-9][A-Za-z0-9._/:@-]#}")
  compadd "$@" -a believed
}

_tsimg_container() {
  local -a found=("\${(@f)$(command tsimg ps -a --format '{{.Names}}' $_tsimg_root 2> /dev/null < /dev/null)}")
  _tsimg_add "$@"
}

_tsimg_running() {
  local -a found=("\${(@f)$(command tsimg ps --format '{{.Names}}' $_tsimg_root 2> /dev/null < /dev/null)}")
  _tsimg_add "$@"
}

_tsimg_image() {
  local -a found=() lines=("\${(@f)$(command tsimg images $_tsimg_root 2> /dev/null < /dev/null)}")
  local line
  for line in "\${(@)lines[2,-1]}"; do found+=("\${\${=line}[1]}:\${\${=line}[2]}"); done
  _tsimg_add "$@"
}

_tsimg_source() { _alternative 'images:image:_tsimg_image' 'files:file:_files' }
_tsimg_rootfs() { _alternative 'images:image:_tsimg_image' 'files:root filesystem or archive:_files' }
_tsimg_inspected() {
  _alternative 'containers:container:_tsimg_container' 'images:image:_tsimg_image' 'files:file:_files'
}
_tsimg_named() { _tsimg_container -S : "$@" }
_tsimg_inside() { _alternative 'containers:container:_tsimg_named' 'files:file:_files' }
_tsimg_program() { (( CURRENT == 2 )) && _command_names -e || _files }

_tsimg() {
  local curcontext=$curcontext state state_descr line
  local -A opt_args
  local -i answered=1 place
  local -a _tsimg_root=()
  place=\${words[(I)--root]}
  (( place && place + 1 < CURRENT )) && _tsimg_root=(--root "\${\${(Q)words[place+1]}/#\\~\\//$HOME/}")
  place=\${words[(I)--root=*]}
  (( place && place < CURRENT )) && _tsimg_root=("\${(Q)words[place]}")
`;

/** The script that zsh finds in a folder of `$fpath`, as `_tsimg`. */
export function zshCompletion({ options, verbs }: CommandLine): string {
  const named = verbs.map((verb) => `    ${quoted(`${verb.name}:${verb.description.replaceAll(':', '\\:')}`)}`);
  return `#compdef tsimg
# zsh completion of tsimg. Made by: tsimg completion zsh

_tsimg_verb() {
  local -a verbs=(
${named.join('\n')}
  )
  _describe -t commands command verbs
}
${BODY}
  _arguments -C -s -S \\
${options
  .flatMap(optionSpecs)
  .map((spec) => `    ${spec} \\\n`)
  .join('')}    ':command:_tsimg_verb' '*::operand:->verb' && answered=0
  case $state in
    verb)
      curcontext="\${curcontext%:*:*}:tsimg-$words[1]:"
      case $words[1] in
${verbs.map(verbCase).join('\n')}
      esac
      ;;
  esac
  return answered
}

# Loaded by compinit when it is first needed, or sourced
if [[ $funcstack[1] == _tsimg ]]; then _tsimg "$@"; else compdef _tsimg tsimg; fi
`;
}
