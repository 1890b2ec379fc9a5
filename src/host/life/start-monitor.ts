import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { receiveError } from '../../sys/portable-error.ts';
import { startProcess } from '../../sys/process/start-process.ts';
import { programEnv } from '../facts/tools.ts';
import type { HeldContainer } from '../state/container.ts';
import { identify, isStopped } from '../state/process-identity.ts';
import { collectComplaints } from '../stdio/complaints.ts';
import { readMessages } from '../stdio/read-messages.ts';
import { isMonitorMessage, MONITOR_DESCRIPTOR, type MonitorOrders } from './monitor-channel.ts';

/**
 * The smallest thread pool: a monitor waits nearly all the time. No flag of V8 is among them: V8 takes compiled code only
 * with the flags with which it was compiled, and would compile all of Node's own modules at each start.
 */
const NODE_OPTIONS = ['--v8-pool-size=1'];
/**
 * A monitor that is stopped (SIGSTOP) for this many seconds while it starts a container is killed. It is checked every
 * second.
 */
const LONGEST_STOPPED = 10;
const MONITOR = fileURLToPath(new URL('../../programs/monitor.cjs', import.meta.url));

/**
 * Starts the monitor of a recorded container, which inherits the container's lock; resolves when the command runs.
 * Until then the caller holds the lock too, so that it can remove the container after a failed launch.
 * @param onAttached takes a stream that is attached to the container from its start on, for `attachTo`
 * @throws as `execute`
 */
export async function startMonitor(
  container: HeldContainer,
  tools: HostTools,
  { signal, onEvent }: Context,
  onAttached?: ((stream: Duplex) => void) | undefined,
): Promise<void> {
  const isAttached = onAttached !== undefined;
  const child = await startProcess(process.execPath, [...NODE_OPTIONS, MONITOR], {
    descriptors: [
      'ignore',
      'ignore',
      'pipe',
      'pipe',
      'pipe',
      container.lock.fd,
      ...(isAttached ? ['pipe' as const] : []),
    ],
    env: programEnv(),
    cwd: '/',
    ownSession: true,
  });
  const control = child.stream(MONITOR_DESCRIPTOR.control);
  const status = child.stream(MONITOR_DESCRIPTOR.status);
  const complaints = collectComplaints(child.stream(MONITOR_DESCRIPTOR.complaints));
  // The stream is destroyed once the container runs; that is no error.
  complaints.catch(() => {});
  // The end of its input makes the monitor give the launch up.
  const abort = () => control.end();
  signal?.addEventListener('abort', abort, { once: true });
  control.on('error', () => {});
  const orders: MonitorOrders = { folder: container.folder, id: container.id, tools, attached: isAttached };
  control.write(`${JSON.stringify(orders)}\n`);
  onAttached?.(child.stream(MONITOR_DESCRIPTOR.attached));
  let stoppedFor = 0;
  // A stopped monitor does not notice the end of its input.
  const watch = setInterval(() => {
    const monitor = identify(child.pid);
    stoppedFor = monitor !== undefined && isStopped(monitor) ? stoppedFor + 1 : 0;
    if (stoppedFor >= LONGEST_STOPPED) child.kill('SIGKILL');
  }, 1000);
  try {
    for await (const message of readMessages(status, isMonitorMessage)) {
      if (message.kind === 'running') return;
      if (message.kind === 'event') onEvent?.(message.event);
      else {
        await child.ended;
        throw receiveError(message.error);
      }
    }
    await child.ended;
    signal?.throwIfAborted();
    if (stoppedFor >= LONGEST_STOPPED) {
      throw new TsimgError('LAUNCH_FAILED', 'the container’s monitor was stopped by a signal, so it was killed', {
        where: `process ${child.pid}`,
        why: `it has not gone on for ${LONGEST_STOPPED} s`,
        hint: 'start the container again; look for a program on this host that stops processes',
      });
    }
    throw new TsimgError('LAUNCH_FAILED', 'the container’s monitor ended', { why: (await complaints).trim() });
  } finally {
    clearInterval(watch);
    signal?.removeEventListener('abort', abort);
    for (const fd of [MONITOR_DESCRIPTOR.control, MONITOR_DESCRIPTOR.status, MONITOR_DESCRIPTOR.complaints]) {
      child.stream(fd).destroy();
    }
    child.release();
  }
}
