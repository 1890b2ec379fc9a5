import { TsimgError } from '../../errors.ts';

/**
 * The permitted access to a device: read, write, and make its file (mknod). Letters of `rwm`, each once, in this order.
 */
export type DeviceAccess = string;

/** A rule that permits access to devices. Devices without a rule are denied. cgroup-v1/devices.rst. */
export interface DeviceRule {
  readonly kind: 'block' | 'character';
  readonly major: number | 'any';
  readonly minor: number | 'any';
  readonly access: DeviceAccess;
}

function character(major: number, minor: number | 'any'): DeviceRule {
  return { kind: 'character', major, minor, access: 'rwm' };
}

/**
 * The devices of every container, as docker's and runc's: any device file may be made, which is not to open it; null,
 * zero, full, random, urandom, tty, console, ptmx, and terminals.
 */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  { kind: 'character', major: 'any', minor: 'any', access: 'm' },
  { kind: 'block', major: 'any', minor: 'any', access: 'm' },
  character(1, 3),
  character(1, 5),
  character(1, 7),
  character(1, 8),
  character(1, 9),
  character(5, 0),
  character(5, 1),
  character(5, 2),
  character(136, 'any'),
];

/** Parses letters of `rwm`, and returns each once; undefined for other letters, or none. */
export function parseDeviceAccess(text: string): DeviceAccess | undefined {
  if (!/^[rwm]+$/.test(text)) return undefined;
  return [...'rwm'].filter((letter) => text.includes(letter)).join('');
}

/** The kernel's numbers have 12 and 20 bits. linux/kdev_t.h. */
const MAJORS = 2 ** 12;
const MINORS = 2 ** 20;

function parseNumber(text: string, end: number): number | 'any' | undefined {
  if (text === '*') return 'any';
  return Number(text) < end ? Number(text) : undefined;
}

/** Parses docker's `--device-cgroup-rule`: `c 189:* rwm`; `a` is a device of either kind. @throws USAGE */
export function parseDeviceRules(text: string): readonly DeviceRule[] {
  const [, type = '', high = '', low = '', letters = ''] =
    /^([abc]) (\d{1,10}|\*):(\d{1,10}|\*) ([rwm]{1,3})$/.exec(text) ?? [];
  const [major, minor] = [parseNumber(high, MAJORS), parseNumber(low, MINORS)];
  const access = parseDeviceAccess(letters);
  if (major === undefined || minor === undefined || access === undefined) {
    throw new TsimgError('USAGE', 'not a rule for devices', {
      where: `--device-cgroup-rule ${text}`,
      hint: 'c (character), b (block) or a (both), MAJOR:MINOR, each a number or *, and letters of rwm: c 189:* rwm',
    });
  }
  const kinds = (['block', 'character'] as const).filter((kind) => type === 'a' || kind.startsWith(type));
  return kinds.map((kind) => ({ kind, major, minor, access }));
}

function number(value: number | 'any'): string {
  return value === 'any' ? '*' : String(value);
}

/** Formats a rule as devices.allow of version 1 and the option spell it: `c 1:3 rwm`. */
export function formatDeviceRule({ kind, major, minor, access }: DeviceRule): string {
  return `${kind === 'block' ? 'b' : 'c'} ${number(major)}:${number(minor)} ${access}`;
}

/** Merges the rules for the same device or range: their accesses add up, as in version 1. */
export function mergeDeviceRules(rules: readonly DeviceRule[]): readonly DeviceRule[] {
  const merged = new Map<string, DeviceRule>();
  for (const rule of rules) {
    const key = formatDeviceRule({ ...rule, access: '' });
    const access = parseDeviceAccess(`${merged.get(key)?.access ?? ''}${rule.access}`);
    merged.set(key, { ...rule, access: access ?? '' });
  }
  return [...merged.values()];
}
