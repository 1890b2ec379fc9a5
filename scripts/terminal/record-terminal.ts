import { createHash } from 'node:crypto';
import { OWN_WORLD_NEEDS, runInOwnWorld } from '../../test/support/host/own-world.ts';
import type { TerminalStep } from './render-terminal.ts';

// Records the session of docs/terminal.svg: real commands of an ordinary user, in namespaces with a network of their
// own.

/** The typed commands. They need no network: the image is the one in fixtures/. */
export const SESSION: readonly string[] = [
  'tsimg unpack busybox.tar.gz ./rootfs',
  "tsimg run --rm ./rootfs /bin/sh -c 'grep PRETTY /etc/os-release; hostname; id -u; ps'",
  'tsimg run -d --name web -p 8080:80 busybox.tar.gz httpd -f -h /root',
  'wget -qO- localhost:8080/README',
  'tsimg exec web ps',
  "tsimg ps --format 'table {{.ID}}\\t{{.Names}}\\t{{.Image}}\\t{{.Command}}\\t{{.Ports}}'",
  'tsimg rm -f web',
  "tsimg run --dry-run --explain ./rootfs sh | grep -B1 -E '^(newuid|unshare --m|mount -t p|pivot)'",
];

/** Programs without which nothing can be recorded. */
export const RECORDING_NEEDS = [...OWN_WORLD_NEEDS, 'pasta', 'busybox'] as const;

/** Before each command's output; no program prints it. */
const MARK = '\u001e';

/** The server of a container that was just started may not listen yet, so wget tries again. */
const WGET = `#!/bin/sh
for turn in 1 2 3 4 5 6 7 8 9; do
  busybox wget "$@" 2> /dev/null && exit 0
  sleep 0.5
done
exec busybox wget "$@"
`;

/**
 * Replaces texts that differ from run to run: the home folder, and the IDs of containers in the order in which they
 * appear.
 */
function normalise(text: string, home: string): string {
  const ids: string[] = [];
  return text.replaceAll(home, '/home/me').replaceAll(/(?<!sha256:)\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/g, (id) => {
    const known = ids.findIndex((each) => each.startsWith(id) || id.startsWith(each));
    const place = known >= 0 ? known : ids.push(id) - 1;
    return createHash('sha256').update(`container ${place}`).digest('hex').slice(0, id.length);
  });
}

/**
 * Runs the session as an ordinary user and returns the commands and their output. Needs root, and cleans up.
 * @param main the command to record, such as dist/src/tsimg.cjs, and the image that it is shown
 * @throws an Error with the output where a command fails
 */
export function recordTerminal(main: string, image: string): readonly TerminalStep[] {
  const commands = SESSION.map((command) => `printf '\\036'\n${command}\n`);
  const { status, output, home } = runInOwnWorld({
    main,
    as: 'user',
    files: { 'busybox.tar.gz': image },
    programs: { wget: WGET },
    script: `set -e\n${commands.join('')}`,
  });
  if (status !== 0)
    throw new Error(`the terminal could not be recorded: ${output.slice(output.lastIndexOf(MARK) + 1)}`);
  const shown = normalise(output, home).split(MARK).slice(1);
  return SESSION.map((command, index) => ({ command, output: shown[index] ?? '' }));
}
