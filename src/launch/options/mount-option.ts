import { parseBooleanText } from '../../boolean-text.ts';
import { parseByteSize } from '../../byte-size.ts';
import { TsimgError } from '../../errors.ts';
import type { BindStep, Step } from '../launch-plan.ts';
import { parsePropagation, parseTmpfs, parseVolumeParts, type VolumePlaces } from './volumes.ts';

/**
 * Parses the size of a file system in memory to bytes.
 * @param option the option's name, for errors
 * @throws USAGE
 */
export function parseSize(text: string, option: string): number {
  const bytes = parseByteSize(text);
  if (bytes !== undefined) return bytes;
  throw new TsimgError('USAGE', 'not a size', {
    where: `${option} ${text}`,
    hint: 'bytes, or a number with k, m or g',
  });
}

const FLAGS = new Set(['readonly', 'ro', 'rw', 'volume-nocopy']);

/**
 * Parses `key=value,…`; a flag without a value is true, as in `readonly`. Quoted fields may contain commas, as in CSV.
 */
function parseFields(text: string): ReadonlyMap<string, string> {
  const fields = text.match(/("(?:[^"]|"")*"|[^,"])+/g) ?? [];
  return new Map(
    fields.map((field) => {
      const plain = field.replace(/"((?:[^"]|"")*)"/g, (_, inner: string) => inner.replaceAll('""', '"'));
      const equals = plain.indexOf('=');
      return equals === -1
        ? [plain, FLAGS.has(plain) ? 'true' : '']
        : [plain.slice(0, equals), plain.slice(equals + 1)];
    }),
  );
}

/** Takes fields by any of their names, and knows which are left at the end. */
class Fields {
  readonly #fields: Map<string, string>;

  constructor(text: string) {
    this.#fields = new Map(parseFields(text));
  }

  take(...names: readonly string[]): string | undefined {
    let found: string | undefined;
    for (const name of names) {
      found ??= this.#fields.get(name);
      this.#fields.delete(name);
    }
    return found;
  }

  get rest(): readonly string[] {
    return [...this.#fields.keys()];
  }
}

/** Parses docker's and podman's `--mount type=bind|volume|tmpfs,…`. @throws USAGE */
export function parseMount(text: string, cwd: string, places?: VolumePlaces): BindStep | Step {
  const fail = (why: string, hint?: string) =>
    new TsimgError('USAGE', 'not a mount', { where: `--mount ${text}`, why, hint });
  const fields = new Fields(text);
  const type = fields.take('type') ?? 'volume';
  const target = fields.take('target', 'dst', 'destination');
  const takeFlag = (...names: readonly string[]): boolean | undefined => {
    const value = fields.take(...names);
    if (value === undefined) return undefined;
    const flag = parseBooleanText(value);
    if (flag === undefined)
      throw fail(`${names[0]} is neither true nor false`, `write ${names[0]}=true or ${names[0]}=false`);
    return flag;
  };
  const readOnly = takeFlag('readonly', 'ro');
  const writable = takeFlag('rw');
  if (target === undefined) throw fail('it has no target');
  if (readOnly !== undefined && readOnly === writable)
    throw fail(readOnly ? 'it is ro and rw' : 'it is neither ro nor rw');
  const options = (readOnly ?? writable === false) ? ['ro'] : [];
  const done = <T>(step: T): T => {
    const [unknown] = fields.rest;
    if (unknown !== undefined) throw fail(`unknown field ${unknown}`);
    return step;
  };
  if (type === 'bind') {
    const source = fields.take('source', 'src');
    if (source === undefined) throw fail('it has no source');
    const propagation = fields.take('bind-propagation');
    if (propagation !== undefined && parsePropagation(propagation) === undefined) throw fail('unknown propagation');
    if (propagation !== undefined) options.push(propagation);
    return done(parseVolumeParts({ source, target, options, cwd, where: `--mount ${text}` }));
  }
  if (type === 'volume') {
    const source = fields.take('source', 'src') ?? '';
    if (takeFlag('volume-nocopy')) options.push('nocopy');
    if (/^[./]/.test(source)) throw fail('a volume has a name, not a path', 'type=bind mounts a path');
    return done(parseVolumeParts({ source, target, options, cwd, where: `--mount ${text}`, places }));
  }
  if (type === 'tmpfs') {
    const size = fields.take('tmpfs-size');
    const mode = fields.take('tmpfs-mode');
    if (size !== undefined) options.push(`size=${parseSize(size, '--mount tmpfs-size')}`);
    if (mode !== undefined) options.push(`mode=${mode}`);
    return done(parseTmpfs(`${target}${options.length === 0 ? '' : `:${options.join(',')}`}`));
  }
  throw fail(
    `unknown type ${type}`,
    'type=bind,source=PATH,target=PATH, type=volume,source=NAME,target=PATH or type=tmpfs,target=PATH',
  );
}
