import { mutateSome } from './mutate-bytes.ts';
import type { Random } from './random.ts';

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  '',
  'x',
  '\u0000',
  '../../etc/passwd',
  'sha256:',
  `sha256:${'0'.repeat(64)}`,
  `sha512:${'f'.repeat(128)}`,
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'linux',
  'unknown',
  [],
  {},
  [null],
  { __proto__: null, constructor: 'x' },
];
const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'manifests',
  'layers',
  'config',
  'mediaType',
  'fsLayers',
  'data',
  'urls',
];

/** A place in a document: an object or list, and a key or index in it. */
interface Slot {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function slotsIn(value: unknown): readonly Slot[] {
  const slots: Slot[] = [];
  const visit = (parent: unknown): void => {
    if (!Array.isArray(parent) && !isRecord(parent)) return;
    for (const [key, child] of Object.entries(parent)) {
      slots.push({ parent, key });
      visit(child);
    }
  };
  visit(value);
  return slots;
}

function read({ parent, key }: Slot): unknown {
  return Array.isArray(parent) ? parent[Number(key)] : parent[key];
}

/** Sets a key, also `__proto__`, which an assignment would not set. A list gets other keys as values at its end. */
function write({ parent, key }: Slot, value: unknown): void {
  if (Array.isArray(parent) && !/^\d+$/.test(key)) {
    parent.push(value);
    return;
  }
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove({ parent, key }: Slot): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function edit(document: unknown, other: unknown, random: Random): unknown {
  const slots = slotsIn(document);
  if (slots.length === 0) return structuredClone(random.pick(VALUES));
  const slot = random.pick(slots);
  const found = read(slot);
  switch (random.below(8)) {
    case 0:
      remove(slot);
      break;
    case 1: {
      const others = slotsIn(other);
      if (others.length > 0) write(slot, structuredClone(read(random.pick(others))));
      break;
    }
    case 2:
      write({ parent: slot.parent, key: random.pick(KEYS) }, structuredClone(found));
      break;
    case 3:
      write({ parent: slot.parent, key: random.pick(KEYS) }, structuredClone(random.pick(VALUES)));
      break;
    case 4:
      if (typeof found === 'string') {
        write(slot, mutateSome(Buffer.from(found), Buffer.from('x'), random).toString('utf8'));
      } else if (typeof found === 'number') write(slot, found + random.pick([-1, 1, 0.5, 2 ** 31, -(2 ** 40)]));
      else write(slot, [found]);
      break;
    case 5:
      // Deep enough to overflow the stack of a recursive parser.
      write(
        slot,
        Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], found),
      );
      break;
    default:
      write(slot, structuredClone(random.pick(VALUES)));
  }
  return document;
}

/** Parses a text; undefined where it is not JSON. */
export function jsonOf(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Makes several changes to a document, sometimes to its text, so that it is not JSON any more. */
export function mutateJson(seed: Buffer, other: Buffer, random: Random): Buffer {
  let document = jsonOf(seed);
  if (document === undefined || random.once(12)) return mutateSome(seed, other, random);
  const material = jsonOf(other);
  for (let count = 1 + random.below(3); count > 0; count--) document = edit(document, material, random);
  return Buffer.from(JSON.stringify(document));
}
