import { CAPABILITY_NAMES } from '../../linux/capabilities.ts';
import { SIGNAL_NUMBERS } from '../../linux/signals.data.ts';

/**
 * The kind of suggestions for a value: none for `text`, paths of the host and CONTAINER: for `inside`, commands of the
 * host for `program`, a list for `words`.
 */
export type ValueKind =
  | 'text'
  | 'file'
  | 'folder'
  | 'program'
  | 'verb'
  | 'container'
  | 'running'
  | 'image'
  | 'source'
  | 'rootfs'
  | 'inspected'
  | 'inside'
  | { readonly words: readonly string[] };

const SIGNALS: ValueKind = { words: Object.keys(SIGNAL_NUMBERS).map((name) => name.replace(/^SIG/, '')) };
const CAPABILITIES: ValueKind = { words: ['ALL', ...CAPABILITY_NAMES] };
const FORMATS: ValueKind = { words: ['json', 'table'] };

/** By the option's long name, where its placeholder says too little. */
const OPTION_KINDS: Readonly<Record<string, ValueKind>> = {
  '--cap-add': CAPABILITIES,
  '--cap-drop': CAPABILITIES,
  '--format': FORMATS,
  '--mount': { words: ['type=bind,', 'type=volume,', 'type=tmpfs,'] },
  '--network': { words: ['none', 'host', 'bridge', 'pasta', 'slirp4netns', 'container:', 'ns:'] },
  '--platform': { words: ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/386', 'linux/ppc64le', 'linux/s390x'] },
  '--restart': { words: ['no', 'on-failure', 'always', 'unless-stopped'] },
  '--runtime': { words: ['crun', 'runc'] },
  '--security-opt': {
    words: ['no-new-privileges', 'seccomp=unconfined', 'seccomp=', 'systempaths=unconfined'],
  },
};

/** By the placeholder in an option's flags. */
const PLACEHOLDER_KINDS: Readonly<Record<string, ValueKind>> = {
  bool: { words: ['true', 'false'] },
  dir: 'folder',
  file: 'file',
  path: 'file',
  sink: 'file',
  signal: SIGNALS,
  source: 'source',
  'source:target[:options]': 'file',
};

/** By the name of an operand. */
const OPERAND_KINDS: Readonly<Record<string, ValueKind>> = {
  command: 'file',
  container: 'container',
  'container|source': 'inspected',
  dest: 'folder',
  file: 'file',
  image: 'image',
  path: 'file',
  reference: 'image',
  repository: 'image',
  'rootfs|source': 'rootfs',
  source: 'source',
};

/** By verb and operand, where the operand's name says too little. */
const OWN_KINDS: Readonly<Record<string, ValueKind>> = {
  'attach container|reference': 'inspected',
  'cp source': 'inside',
  'cp destination': 'inside',
  'exec container': 'running',
  'help command': 'verb',
  'kill container': 'running',
  'load source': 'file',
  'pause container': 'running',
  'stats container': 'running',
  'stop container': 'running',
  'tag name': 'image',
  'top container': 'running',
  'unpause container': 'running',
  'unshare command': 'program',
};

/** Returns the kind of an option's value. @param placeholder the text between the brackets of its flags */
export function optionKind(long: string, placeholder: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return { words: choices };
  return OPTION_KINDS[long] ?? PLACEHOLDER_KINDS[placeholder] ?? 'text';
}

/** Of an operand. */
export function operandKind(verb: string, name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices !== undefined) return { words: choices };
  return OWN_KINDS[`${verb} ${name}`] ?? OPERAND_KINDS[name] ?? 'text';
}
