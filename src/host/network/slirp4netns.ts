import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { NetworkPlan } from '../../launch/network/network-plan.ts';
import { isChosen, type PublishedPort, type WantedPort } from '../../launch/network/publish.ts';
import { makeTemporaryDirectory } from '../../sys/file/temporary.ts';
import { type StartedProcess, startProcess } from '../../sys/process/start-process.ts';
import { hideFromTracers, showToTracers } from '../../sys/stub/call/become.ts';
import { requireTool, TOOL_ENV } from '../facts/tools.ts';
import { collectComplaints } from '../stdio/complaints.ts';
import type { Connection, NetworkContext } from './connection.ts';
import { listenOnPorts, reservePorts } from './reserve-ports.ts';

type SlirpPlan = Extract<NetworkPlan, { kind: 'pasta' | 'slirp4netns' }>;

/** Descriptors of slirp4netns. It ends when the first is closed, and writes to the second when it is ready. */
const EXIT = 3;
const READY = 4;

/** Asks slirp4netns by its socket to forward a port of the host to the container: one JSON object there, one back. */
async function publish(path: string, { hostAddress, hostPort, containerPort, protocol }: PublishedPort): Promise<void> {
  const socket = connect(path);
  const request = {
    execute: 'add_hostfwd',
    arguments: { proto: protocol, host_addr: hostAddress ?? '0.0.0.0', host_port: hostPort, guest_port: containerPort },
  };
  socket.end(JSON.stringify(request));
  const answer = await text(socket);
  if (!answer.includes('"error"')) return;
  throw new TsimgError('LAUNCH_FAILED', 'a port cannot be published', {
    where: `${hostAddress ?? '0.0.0.0'}:${hostPort}/${protocol}`,
    why: answer.trim(),
    hint: 'choose another port of the host: this one may be in use, or below 1024',
  });
}

/**
 * Connects by slirp4netns, which runs beside the container until the disposal. @throws HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function openSlirp4netns(
  { ports, hostLoopback }: SlirpPlan,
  tools: HostTools,
  { lastPorts = [] }: NetworkContext,
): Promise<Connection> {
  const program = requireTool(tools, 'slirp4netns');
  let child: StartedProcess | undefined;
  return {
    async attach(container) {
      // A port in use is told before the program is started.
      (await reservePorts(ports, lastPorts))[Symbol.dispose]();
      // The socket is needed for forwarding requests only.
      await using directory = await makeTemporaryDirectory();
      const socket = join(directory.path, 'api');
      const args = [
        ...['--configure', '--mtu=65520', '--enable-sandbox', '--enable-seccomp'],
        ...(hostLoopback ? [] : ['--disable-host-loopback']),
        ...[`--exit-fd=${EXIT}`, `--ready-fd=${READY}`, `--api-socket=${socket}`],
        ...[String(container.pid), 'eth0'],
      ];
      showToTracers(container);
      child = await startProcess(program, args, {
        descriptors: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
        env: TOOL_ENV,
        ownSession: true,
      });
      const complaints = collectComplaints(child.stream(2));
      const ready = once(child.stream(READY), 'data').then(() => true);
      if (!(await Promise.race([ready, child.ended.then(() => false)]))) {
        throw new TsimgError('LAUNCH_FAILED', 'the network could not be made', {
          where: program,
          why: (await complaints).trim(),
          hint: 'tsimg doctor says what this host can do; --network none does without',
        });
      }
      hideFromTracers(container);
      const published = new Map<WantedPort, PublishedPort>();
      // What the request names comes first: a chosen port must not be one of these.
      const fixedFirst = [...ports.filter((port) => !isChosen(port)), ...ports.filter(isChosen)];
      for (const port of fixedFirst) {
        const listen = async (chosen: readonly PublishedPort[]) => {
          for (const each of chosen) await publish(socket, each);
        };
        for (const chosen of await listenOnPorts([port], lastPorts, listen)) published.set(port, chosen);
      }
      return ports.flatMap((port) => published.get(port) ?? []);
    },
    async [Symbol.asyncDispose]() {
      child?.stream(EXIT).destroy();
      child?.kill('SIGTERM');
      await child?.ended;
    },
  };
}
