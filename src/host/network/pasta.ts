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
import type { Connection } from './connection.ts';
import { checkPortsFree } from './reserve-ports.ts';
import { runTool } from './run-tool.ts';

type PastaPlan = Extract<NetworkPlan, { kind: 'pasta' | 'slirp4netns' }>;

/**
 * A shell script that ends pasta when its input ends: when tsimg has ended or was killed. Pasta would not end by
 * itself, for it keeps the namespace alive whose end it waits for. The script checks by the file's name that the
 * process still is that pasta.
 */
const WATCH = `read -r _
tr '\\0' '\\n' < "/proc/$1/cmdline" 2>/dev/null | grep -qxF "$2" && kill "$1"
rm -f "$2" && rmdir "\${2%/*}"`;

/** Connects by pasta, which runs beside the container until the disposal. @throws HOST_UNSUPPORTED, LAUNCH_FAILED */
export async function openPasta(plan: PastaPlan, tools: HostTools): Promise<Connection> {
  const pasta = requireTool(tools, 'pasta');
  const sh = requireTool(tools, 'sh');
  let directory: TemporaryDirectory | undefined;
  let watch: StartedProcess | undefined;
  return {
    async attach(container) {
      await checkPortsFree(plan.ports);
      directory = await makeTemporaryDirectory();
      const pidFile = join(directory.path, 'pasta.pid');
      // The command returns when the container is connected, and pasta goes on in the background.
      showToTracers(container);
      await runTool(pasta, [...pastaOptions(plan), '--pid', pidFile, String(container.pid)]);
      hideFromTracers(container);
      const own = /^[0-9]+/.exec(readFileSync(pidFile, 'latin1'))?.[0];
      if (own === undefined) throw new TsimgError('LAUNCH_FAILED', 'pasta did not write its process ID');
      watch = await startProcess(sh, ['-c', WATCH, 'sh', own, pidFile], {
        descriptors: ['pipe', 'ignore', 'ignore'],
        env: TOOL_ENV,
        ownSession: true,
      });
    },
    async [Symbol.asyncDispose]() {
      watch?.stream(0).end();
      await watch?.ended;
      await directory?.[Symbol.asyncDispose]();
    },
  };
}
