import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import { restartPause, startsAgain } from '../../launch/options/restart-policy.ts';
import { storedMap } from '../../launch/plan/id-map.ts';
import { CONTAINER_NAME } from '../../store-layout.ts';
import { portableError } from '../../sys/portable-error.ts';
import { closeOnExecFrom, duplicateOnto } from '../../sys/process/own-descriptors.ts';
import {
  inheritedContainer,
  leaveExitCode,
  type PlannedContainer,
  removeContainer,
  updateState,
} from '../state/container.ts';
import { type ContainerRecord, readRecord } from '../state/record.ts';
import { openLogFile } from '../stdio/log-file.ts';
import { readMessages } from '../stdio/read-messages.ts';
import { processSignals } from '../stdio/signal-source.ts';
import { AttachHub } from './attach-hub.ts';
import { liveOnce } from './live.ts';
import { isMonitorOrders, MONITOR_DESCRIPTOR, type MonitorMessage, type MonitorOrders } from './monitor-channel.ts';

// The process beside a detached container. It holds the container's lock, writes its log and state, restarts it as its
// policy says, and cleans up. The container dies with its monitor. SIGTERM to the monitor is passed on to the container
// and ends the restarts.

/** Milliseconds between two checks for the file that `stop` leaves. */
const LOOK = 100;

/** Ends the pause before the next start. */
const stopped = new AbortController();
/** Whether the caller has left because the container runs: no process reads the messages then. */
let detached = false;

function tell(message: MonitorMessage): void {
  if (!detached) writeSync(MONITOR_DESCRIPTOR.status, `${JSON.stringify(message)}\n`);
}

/** Tells the caller that the container runs, and cuts the connection. */
function detach(control: Socket): void {
  if (detached) return;
  tell({ kind: 'running' });
  detached = true;
  control.destroy();
  closeSync(MONITOR_DESCRIPTOR.status);
  const nothing = openSync('/dev/null', constants.O_RDWR);
  duplicateOnto(nothing, MONITOR_DESCRIPTOR.complaints);
  closeSync(nothing);
}

/**
 * Keeps V8's young generation as small as it is, or lets it grow as usual. It would grow while much output passes, and
 * buffers that nobody needs any more would then take 40 MB more. The flag is not an option of Node's start
 * (start-monitor.ts), and is undone at the end, because V8 takes compiled code only with the flags with which it was
 * kept.
 */
function keepSmall(isSmall: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${isSmall ? 1 : 2}`);
}

/** Reads the orders. `given` is aborted when the caller goes away before the container runs. */
async function receiveOrders(control: Socket): Promise<{ orders: MonitorOrders; given: AbortSignal }> {
  const messages = readMessages(control, isMonitorOrders);
  const first = await messages.next();
  if (first.done === true) throw new TsimgError('LAUNCH_FAILED', 'the caller is gone');
  const given = new AbortController();
  const goneAway = () => {
    if (!detached) given.abort();
  };
  // No other message comes: the connection ends with the caller, or is destroyed here
  messages.next().then(goneAway, goneAway);
  return { orders: first.value, given: given.signal };
}

/**
 * Waits for a time, or until the container is stopped. `stop` leaves a file and sends no signal: a late signal would
 * reach the next run of the container.
 */
async function pauseUnless(isStopped: () => boolean, milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  for (let left = milliseconds; left > 0 && !isStopped(); left = end - Date.now()) {
    await sleep(Math.min(LOOK, left), undefined, { signal: stopped.signal }).catch(() => undefined);
  }
}

/** The container to run, and the connection to the caller. */
interface Life {
  readonly container: PlannedContainer;
  readonly tools: HostTools;
  /** When the container is started again. */
  readonly restart: ContainerRecord['restart'];
  readonly hub: AttachHub;
  /** The connection with the caller. */
  readonly control: Socket;
  /** Aborted when the caller goes away before the container runs. */
  readonly given: AbortSignal;
}

/** Runs the container, and again as its restart policy says. */
async function live({ container, tools, restart, hub, control, given }: Life): Promise<void> {
  let pause: number | undefined;
  let last: number | undefined;
  for (let restarts = 0; ; restarts += 1) {
    const began = Date.now();
    let ran = false;
    let exitCode: number;
    try {
      exitCode = await liveOnce(container, tools, {
        streams: hub.open(),
        signal: detached ? undefined : given,
        signals: processSignals,
        onEvent: (event) => tell({ kind: 'event', event }),
        onRunning() {
          ran = true;
          detach(control);
          keepSmall(true);
        },
        onEnded: async () => hub.hurry(),
      });
    } catch (error) {
      if (!detached) throw error;
      exitCode = 125;
    } finally {
      keepSmall(false);
    }
    await hub.end(exitCode);
    if (!detached) detach(control);
    const isStopped = () => stopped.signal.aborted || existsSync(join(container.directory, CONTAINER_NAME.stop));
    if (isStopped() && !ran && last !== undefined) {
      // It was stopped during a restart: its status is that of its last run.
      updateState(container, { status: 'exited', exitCode: last, error: undefined });
      leaveExitCode(container, last);
    }
    last = exitCode;
    if (isStopped() || !startsAgain(restart, exitCode, restarts)) return;
    pause = restartPause(pause, Date.now() - began);
    updateState(container, { status: 'restarting', restarts: restarts + 1 });
    await pauseUnless(isStopped, pause);
    if (isStopped()) {
      updateState(container, { status: 'exited' });
      return;
    }
  }
}

async function main(): Promise<void> {
  // Tools must not inherit the container's lock: they could hold it after this process has ended.
  closeOnExecFrom(3);
  const control = new Socket({ fd: MONITOR_DESCRIPTOR.control, readable: true, writable: false });
  process.on('SIGTERM', () => stopped.abort());
  const { orders, given } = await receiveOrders(control);
  const container = inheritedContainer(orders.folder, orders.id, MONITOR_DESCRIPTOR.lock);
  const record = readRecord(container.directory);
  if (record === undefined) throw new TsimgError('CONTAINER_NOT_FOUND', 'no such container', { where: orders.id });
  try {
    const { plan, restart } = record;
    using log = openLogFile(container.directory);
    using hub = new AttachHub(log, { open: plan.command.stdin, once: record.inputOnce ?? false });
    await hub.listen(container.directory);
    if (orders.attached) hub.add(new Socket({ fd: MONITOR_DESCRIPTOR.attached }));
    await live({ container: { ...container, plan }, tools: orders.tools, restart, hub, control, given });
  } catch (error) {
    // If the caller still exists, it holds the lock too, and decides whether to remove the container.
    if (!given.aborted) return tell({ kind: 'error', error: portableError(error) });
  } finally {
    control.destroy();
  }
  if (!record.remove) return;
  const { name, plan } = record;
  await removeContainer(container, { name, idMap: storedMap(plan.idMap), tools: orders.tools });
}

/** Settles when the work is done. */
export const done = main();
