import * as posix from 'node:path/posix';
import { TsimgError } from '../../errors.ts';
import type { MountAttribute, Propagation } from '../../linux/mount-flags.ts';
import { VOLUME_NAME } from '../../store-layout.ts';
import type { BindStep, Step } from '../launch-plan.ts';

/**
 * Parses the target of a mount: absolute, normalized, not the root, and nothing below /proc, whose files are the
 * kernel's.
 */
function parseTarget(text: string, where: string): string {
  const fail = (why: string) => new TsimgError('USAGE', 'not a place to mount at', { where, why });
  if (!text.startsWith('/')) throw fail('it must be an absolute path');
  if (text.includes('\0')) throw fail('it holds a zero byte');
  const target = posix.normalize(text).replace(/(.)\/$/, '$1');
  if (target === '/') throw fail('it is the root itself');
  if (target === '/proc' || target.startsWith('/proc/')) throw fail('/proc is the kernel’s');
  return target;
}

/**
 * Options without effect: bind mounts are always recursive, nothing is copied or cached, and there are no SELinux
 * labels.
 */
const IGNORED_VOLUME_OPTIONS = new Set([
  'rw',
  'z',
  'Z',
  'bind',
  'rbind',
  'exec',
  'suid',
  'nodev',
  'cached',
  'delegated',
  'consistent',
]);

/** Parses `rslave`, `shared` and so on; mounts below are included, with or without the `r`. */
export function parsePropagation(text: string): Propagation | undefined {
  const name = text.replace(/^r/, '');
  return name === 'private' || name === 'slave' || name === 'shared' ? name : undefined;
}

/** Returns whether `-v` asks for an SELinux label, which tsimg does not set. */
export function asksForLabel(text: string): boolean {
  return /:(?:.*,)?[zZ](?:,|$)/.test(text);
}

/** A volume as `-v`, or `--mount` with `type=bind` or `type=volume`, spells it. */
export interface VolumeParts {
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
  /** The caller's working directory; '' where it was removed. */
  readonly cwd: string;
  /** For errors: the option with its value. */
  readonly where: string;
  readonly places?: VolumePlaces | undefined;
}

/** The directories on the host that hold the volumes that no path names. */
export interface VolumePlaces {
  /** Of volumes with names. */
  readonly named?: string | undefined;
  /** Of this container's own volume, which has no name. */
  readonly own?: string | undefined;
}

/** The grammar of docker's names of volumes. */
const VOLUME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** Checks the name of a volume. @throws USAGE */
export function checkVolumeName(name: string, where = name): string {
  if (VOLUME.test(name)) return name;
  throw new TsimgError('USAGE', 'not a volume', {
    where,
    why: `${JSON.stringify(name)} is neither a path nor a name`,
    hint: 'a path begins with / or ./; a name has letters, digits, underscores, periods and hyphens, at most 128',
  });
}

/**
 * Returns the source of a bind mount: a path of the host, which is absolute or starts with `./` or `../`; the data of a
 * volume with a name; or, for '', a directory of the container's own. @throws USAGE
 */
function sourceOf({ source, cwd, where, places = {} }: VolumeParts): Omit<BindStep, 'do' | 'target' | 'attributes'> {
  const fail = (why: string, hint?: string) => new TsimgError('USAGE', 'not a volume', { where, why, hint });
  if (source === '') return { source: places.own ?? '/', imageVolume: true };
  if (!/^(\/|\.{1,2}(\/|$))/.test(source)) {
    const volume = checkVolumeName(source, where);
    return { source: `${places.named ?? ''}/${volume}/${VOLUME_NAME.data}`, imageVolume: true, volume };
  }
  if (source.includes('\0')) throw fail('it holds a zero byte');
  if (cwd === '' && !source.startsWith('/')) throw fail('the working directory was removed', 'write an absolute path');
  return { source: posix.resolve(cwd, source) };
}

/** Plans the mount of a volume. @throws USAGE */
export function parseVolumeParts(parts: VolumeParts): BindStep {
  const { target, options, where } = parts;
  const source = sourceOf(parts);
  let unfilled = false;
  const attributes: MountAttribute[] = ['nodev'];
  let propagation: Propagation | undefined;
  for (const option of options) {
    const spread = parsePropagation(option);
    if (option === 'ro' || option === 'nosuid' || option === 'noexec') attributes.push(option);
    else if (option === 'nocopy') unfilled = source.imageVolume === true;
    else if (spread !== undefined) propagation = spread;
    else if (!IGNORED_VOLUME_OPTIONS.has(option)) {
      const hint = 'ro, rw, nosuid, noexec, nocopy, or a propagation such as rslave';
      throw new TsimgError('USAGE', 'not a volume', { where, why: `unknown option ${option}`, hint });
    }
  }
  const step = {
    do: 'bind',
    ...source,
    ...(unfilled && { unfilled }),
    target: parseTarget(target, where),
    attributes,
  } as const;
  return propagation === undefined || propagation === 'private' ? step : { ...step, propagation };
}

/** Parses `SOURCE:TARGET[:OPTIONS]`, or `TARGET` for a volume without a name. @throws USAGE */
export function parseVolume(text: string, cwd: string, places?: VolumePlaces): BindStep {
  const [source = '', target = '', optionText, ...rest] =
    text.startsWith('/') && !text.includes(':') ? ['', text] : text.split(':');
  if (rest.length > 0 || target === '' || (source === '' && text.startsWith(':'))) {
    const why = 'it must be SOURCE:TARGET, SOURCE:TARGET:OPTIONS or TARGET';
    throw new TsimgError('USAGE', 'not a volume', { where: `-v ${text}`, why });
  }
  const options = optionText === undefined ? [] : optionText.split(',');
  return parseVolumeParts({ source, target, options, cwd, where: `-v ${text}`, places });
}

const TMPFS_DATA = /^(size=[0-9]+[kmgKMG%]?|mode=0?[0-7]{1,4}|(nr_inodes|nr_blocks|uid|gid)=[0-9]{1,10}[kmgKMG]?)$/;

/**
 * Parses `TARGET[:OPTIONS]`. nodev is always set; noexec and nosuid are, unless the options say exec or suid. @throws
 * USAGE
 */
export function parseTmpfs(text: string): Step {
  const [target = '', optionText, ...rest] = text.split(':');
  const fail = (why: string, hint?: string) =>
    new TsimgError('USAGE', 'not a tmpfs', { where: `--tmpfs ${text}`, why, hint });
  if (rest.length > 0) throw fail('it must be TARGET or TARGET:OPTIONS');
  const attributes = new Set<MountAttribute>(['nosuid', 'nodev', 'noexec']);
  const data: string[] = [];
  for (const option of optionText === undefined ? [] : optionText.split(',')) {
    if (option === 'ro' || option === 'nosuid' || option === 'noexec' || option === 'nodev') attributes.add(option);
    else if (option === 'exec') attributes.delete('noexec');
    else if (option === 'suid') attributes.delete('nosuid');
    else if (TMPFS_DATA.test(option)) data.push(option);
    else if (option !== 'rw') {
      throw fail(`unknown option ${option}`, 'ro, exec, suid, or a limit such as size=64m, mode=1777 or nr_inodes=1k');
    }
  }
  return {
    do: 'mount',
    type: 'tmpfs',
    target: parseTarget(target, `--tmpfs ${text}`),
    attributes: [...attributes],
    data: data.join(','),
    strict: false,
  };
}
