import * as posix from 'node:path/posix';
import { TsimgError } from '../errors.ts';
import type { Step } from './plan.ts';

/**
 * docker's `--device HOST[:CONTAINER[:ACCESS]]`. Access is to read and write: less could only be held by the device list of a
 * cgroup, which tsimg does not write, and so is refused rather than promised. Whether it is a device, the stage looks.
 * @throws USAGE
 */
export function parseDevice(text: string, make: boolean): Step {
  const fail = (why: string) => new TsimgError('USAGE', 'not a device', { where: `--device ${text}`, why });
  const [source = '', second, third, ...rest] = text.split(':');
  const isAccess = second !== undefined && third === undefined && /^[rwm]+$/.test(second);
  const access = isAccess ? second : (third ?? 'rwm');
  const target = posix.normalize(isAccess || second === undefined ? source : second).replace(/(.)\/$/, '$1');
  if (rest.length > 0) throw fail('it must be HOST, HOST:CONTAINER or HOST:CONTAINER:rwm');
  if (!source.startsWith('/') || source.includes('\0') || target.includes('\0'))
    throw fail('it must be an absolute path');
  if (!target.startsWith('/dev/')) throw fail('devices work below /dev only');
  if (!/^[rwm]+$/.test(access)) throw fail(`unknown access ${access}`);
  if (!access.includes('r') || !access.includes('w')) throw fail('access cannot be less than rw here');
  return { do: 'host-device', source, target, make };
}
