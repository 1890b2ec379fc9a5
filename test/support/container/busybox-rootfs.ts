import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../tools.ts';

const APPLETS = [
  'sh',
  'true',
  'cat',
  'grep',
  'head',
  'tr',
  'wc',
  'ls',
  'id',
  'echo',
  'kill',
  'sleep',
  'ps',
  'hostname',
  'ip',
  'ipcs',
  'stty',
  'env',
  'stat',
];

/** Makes a minimal root filesystem of Debian's static busybox in an empty folder: /bin only, and nothing else. */
export function makeBusyboxRootfs(folder: string): string {
  const busybox = findTool('busybox');
  if (busybox === undefined) throw new Error('busybox is not installed');
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(busybox, join(bin, 'busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(bin, applet));
  return folder;
}
