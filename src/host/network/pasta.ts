import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { NetworkPlan } from '../../launch/network/network-plan.ts';
import { pastaOptions } from '../../launch/network/pasta-options.ts';
import { makeTemporaryDirectory, type TemporaryDirectory } from '../../sys/file/temporary.ts';
import { type StartedProcess, startProcess } from '../../sys/process/start-process.ts';
import { hideFromTracers, showToTracers } from '../../sys/stub/call/become.ts';
import { requireTool, TOOL_ENV } from '../facts/tools.ts';
import type { Connection, NetworkContext } from './connection.ts';
import { listenOnPorts } from './reserve-ports.ts';
import { runTool } from './run-tool.ts';

type PastaPlan = Extract<NetworkPlan, { kind: 'pasta' | 'slirp4netns' }>;

/**
 * A shell script that ends pasta when its input ends: when tsimg has ended or was killed. Pasta would not end by
 * itself, for it keeps the namespace alive whose end it waits for. The script begins before pasta. Where tsimg was
 * killed, the input ends without a line, and pasta may still be about to write its process ID: that is waited for. The
 * script checks by the file's name that the process still is that pasta.
 */
const WATCH = `if ! read -r _; then
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -s "$1" ] || sleep 0.1; done
fi
[ -s "$1" ] && read -r pid < "$1"
[ -n "$pid" ] && tr '\\0' '\\n' < "/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$1" && kill "$pid"
rm -f "$1" && rmdir "\${1%/*}"`;

/** Connects by pasta, which runs beside the container until the disposal. @throws HOST_UNSUPPORTED, LAUNCH_FAILED */
export async function openPasta(
  plan: PastaPlan,
  tools: HostTools,
  { lastPorts = [] }: NetworkContext,
): Promise<Connection> {
  const pasta = requireTool(tools, 'pasta');
  const sh = requireTool(tools, 'sh');
  let directory: TemporaryDirectory | undefined;
  let watch: StartedProcess | undefined;
  return {
    async attach(container) {
      directory = await makeTemporaryDirectory();
      const pidFile = join(directory.path, 'pasta.pid');
      watch = await startProcess(sh, ['-c', WATCH, 'sh', pidFile], {
        descriptors: ['pipe', 'ignore', 'ignore'],
        env: TOOL_ENV,
        ownSession: true,
      });
      // The command returns when the container is connected, and pasta goes on in the background.
      showToTracers(container);
      const ports = await listenOnPorts(plan.ports, lastPorts, (chosen) =>
        runTool(pasta, [...pastaOptions({ ...plan, ports: chosen }), '--pid', pidFile, String(container.pid)]),
      );
      hideFromTracers(container);
      if (!/^[0-9]+/.test(readFileSync(pidFile, 'latin1')))
        throw new TsimgError('LAUNCH_FAILED', 'pasta did not write its process ID');
      return ports;
    },
    async [Symbol.asyncDispose]() {
      watch?.stream(0).end('end\n');
      await watch?.ended;
      await directory?.[Symbol.asyncDispose]();
    },
  };
}
