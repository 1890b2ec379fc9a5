import type { CommandLine, CompletedOption, CompletedVerb } from './command-line.ts';
import type { ValueKind } from './value-kind.ts';

/** The name of a kind in the script; for a list, its words (tsimg's own) with spaces between. */
function kindName(kind: ValueKind): string {
  return typeof kind === 'string' ? kind : `words ${kind.words.join(' ')}`;
}

/** The cases of one verb in which an option has a value. */
function valueCases(verb: string, options: readonly CompletedOption[]): readonly string[] {
  return options.flatMap(({ names, value, isOptional }) => {
    if (value === undefined) return [];
    const patterns = names.map((name) => `'${verb} ${name}'`).join(' | ');
    return [`    ${patterns}) REPLY='${isOptional ? 'optional ' : ''}${kindName(value)}' ;;`];
  });
}

function optionCase(verb: string, options: readonly CompletedOption[]): string {
  return `    '${verb}') REPLY='${options.flatMap(({ names }) => names).join(' ')}' ;;`;
}

function operandCases({ name, operands }: CompletedVerb): readonly string[] {
  return operands.map(({ kind, isVariadic }, index) => {
    const pattern = isVariadic ? `'${name} '*` : `'${name} ${index}'`;
    return `    ${pattern}) REPLY='${kindName(kind)}' ;;`;
  });
}

/**
 * The part of the script that does not depend on the verbs. Names from outside are compared and never expanded, as
 * `compgen -W` would do.
 */
const BODY = `
# Takes the lines that tsimg prints which look like the name of a container or an image; nothing else is believed.
_tsimg_take() {
  local LC_ALL=C name
  while IFS= read -r name; do
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._/:@-]*$ ]] && candidates+=("$name$1")
  done
}

_tsimg_containers() {
  _tsimg_take "$2" < <(command tsimg ps $1 --format '{{.Names}}' "\${root[@]}" 2> /dev/null < /dev/null)
}

_tsimg_images() {
  local repository tag rest
  _tsimg_take '' < <(command tsimg images "\${root[@]}" 2> /dev/null < /dev/null |
    while read -r repository tag rest; do
      [[ $repository == REPOSITORY && $tag == TAG ]] || printf '%s:%s\\n' "$repository" "$tag"
    done)
}

# Adds the candidates of a kind of value. Where none fits, files are what bash itself suggests for them.
_tsimg_suggest() {
  case $1 in
    container) _tsimg_containers -a '' ;;
    running) _tsimg_containers '' '' ;;
    image) _tsimg_images ;;
    source | rootfs) [[ $current == [./~]* ]] || _tsimg_images ;;
    inspected)
      _tsimg_containers -a ''
      _tsimg_images
      ;;
    inside) [[ $current == [./~]* ]] || _tsimg_containers -a : ;;
    verb) candidates+=($_tsimg_verbs) ;;
    program) ((operands > 0)) || _tsimg_take '' < <(compgen -c -- "$current") ;;
    words\\ *) candidates+=(\${1#words }) ;;
  esac
  case $1 in
    folder) fallback=dirnames ;;
    file | program | source | rootfs | inspected | inside) fallback=default ;;
  esac
}

_tsimg() {
  local IFS=$' \\t\\n' REPLY rest=\${COMP_LINE:0:COMP_POINT} before word index
  local option='' wanted='' verb='' ended='' operands=0
  local current fallback='' prefix='' signs='' tail
  local -a words=() root=() candidates=()
  # bash takes words apart at : and =, which stand in names of images and in options
  for ((index = 0; index <= COMP_CWORD; index++)); do
    before=$rest
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    word=\${COMP_WORDS[index]}
    ((index == COMP_CWORD)) && word=$rest
    if ((index > 0)) && [[ $before == "$rest" ]]; then words[\${#words[@]}-1]+=$word; else words+=("$word"); fi
    rest=\${rest#"$word"}
  done
  current=\${words[\${#words[@]}-1]}
  for word in "\${words[@]:1:\${#words[@]}-2}"; do
    if [[ -n $wanted ]]; then
      [[ $option == --root ]] && root=(--root "\${word/#\\~\\//$HOME/}")
      wanted=''
    elif [[ -z $ended && $word == -- ]]; then
      ended=yes
    elif [[ -z $ended && $word == --*=* ]]; then
      [[ $word == --root=* ]] && root=(--root "\${word#--root=}")
    elif [[ -z $ended && $word == --* ]]; then
      option=$word
      _tsimg_value "$verb $option"
      [[ $REPLY == optional\\ * ]] || wanted=$REPLY
    elif [[ -z $ended && $word == -?* ]]; then
      # -it, and -ite of which e has a value
      for ((index = 1; index < \${#word}; index++)); do
        option=-\${word:index:1}
        _tsimg_value "$verb $option"
        [[ -z $REPLY || $REPLY == optional\\ * ]] && continue
        ((index == \${#word} - 1)) && wanted=$REPLY
        break
      done
    elif [[ -z $verb ]]; then
      verb=$word
    else
      ((operands += 1))
      [[ " $_tsimg_ending " == *" $verb "* ]] && ended=yes
    fi
  done

  if [[ -n $wanted ]]; then
    _tsimg_suggest "$wanted"
  elif [[ -z $ended && $current == --*=* ]]; then
    prefix=\${current%%=*}=
    _tsimg_value "$verb \${prefix%=}"
    _tsimg_suggest "\${REPLY#optional }"
  elif [[ -z $ended && $current == -* ]]; then
    _tsimg_options "$verb"
    candidates=($REPLY)
  elif [[ -z $verb ]]; then
    candidates=($_tsimg_verbs)
  else
    _tsimg_operand "$verb $operands"
    _tsimg_suggest "$REPLY"
  fi

  # readline replaces only what stands behind the last : or =
  for word in = :; do [[ $COMP_WORDBREAKS == *"$word"* ]] && signs+=$word; done
  tail=$current
  [[ -n $signs ]] && tail=\${current##*[$signs]}
  COMPREPLY=()
  for word in "\${candidates[@]}"; do
    [[ $prefix$word == "$current"* ]] || continue
    word=$prefix$word
    COMPREPLY+=("\${word#"\${current%"$tail"}"}")
    [[ $word == *[:=,] ]] && compopt -o nospace
  done
  ((\${#COMPREPLY[@]} == 0)) && [[ -n $fallback ]] && compopt -o "$fallback"
}

complete -F _tsimg tsimg
`;

/** The script that bash sources. */
export function bashCompletion({ options, verbs }: CommandLine): string {
  const values = [...valueCases('', options), ...verbs.flatMap(({ name, options: own }) => valueCases(name, own))];
  const lists = [optionCase('', options), ...verbs.map(({ name, options: own }) => optionCase(name, own))];
  const ending = verbs.filter(({ endsAtOperand }) => endsAtOperand).map(({ name }) => name);
  return `# bash completion of tsimg. Made by: tsimg completion bash

_tsimg_verbs='${verbs.map(({ name }) => name).join(' ')}'
# Of these, what follows the first operand belongs to a command.
_tsimg_ending='${ending.join(' ')}'

# Each of these answers in REPLY.
_tsimg_options() {
  REPLY=''
  case $1 in
${lists.join('\n')}
  esac
}

_tsimg_value() {
  REPLY=''
  case $1 in
${values.join('\n')}
  esac
}

_tsimg_operand() {
  REPLY=''
  case $1 in
${verbs.flatMap(operandCases).join('\n')}
  esac
}
${BODY}`;
}
