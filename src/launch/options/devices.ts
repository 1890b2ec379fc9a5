import * as posix from 'node:path/posix';
import { TsimgError } from '../../errors.ts';
import { parseDeviceAccess } from '../../linux/device/device-rule.ts';
import type { Step } from '../launch-plan.ts';

export type HostDeviceStep = Extract<Step, { do: 'host-device' }>;

/**
 * Parses docker's `--device HOST[:CONTAINER[:ACCESS]]`; ACCESS is letters of `rwm`. The step finds out whether it is a
 * device.
 * @throws USAGE
 */
export function parseDevice(text: string, make: boolean): HostDeviceStep {
  const fail = (why: string, hint?: string) =>
    new TsimgError('USAGE', 'not a device', { where: `--device ${text}`, why, hint });
  const [source = '', second, third, ...rest] = text.split(':');
  const isAccess = second !== undefined && third === undefined && /^[rwm]+$/.test(second);
  const letters = isAccess ? second : (third ?? 'rwm');
  const target = posix.normalize(isAccess || second === undefined ? source : second).replace(/(.)\/$/, '$1');
  if (rest.length > 0) throw fail('it must be HOST, HOST:CONTAINER or HOST:CONTAINER:rwm');
  if (!source.startsWith('/') || source.includes('\0') || target.includes('\0'))
    throw fail('it must be an absolute path');
  if (!target.startsWith('/dev/')) throw fail('devices work below /dev only', `${source}:/dev/NAME gives it a place`);
  const access = parseDeviceAccess(letters);
  if (access === undefined)
    throw fail(`unknown access ${letters}`, 'write letters of rwm: r to read, w to write, m to make device files');
  return { do: 'host-device', source, target, access, make };
}
