import { TsimgError } from '../../errors.ts';
import { boundedOutput } from '../../host/stdio/bounded-output.ts';
import type { ProcessPlan } from '../../launch/launch-plan.ts';
import { mergeEnvironment } from '../../launch/plan/environment.ts';
import { checkWorkdir } from '../../launch/plan/process-plan.ts';
import { signalName } from '../../sys/process/signal-name.ts';
import { inputStream } from '../container/streams.ts';
import { afterTime } from '../options/check-number.ts';
import { containerRequest } from '../options/container-request.ts';
import type { BoxEnd, BoxLaunch } from './box-launch.ts';
import type { SandboxResult, SandboxRunOptions } from './sandbox-options.ts';

const SIGKILL = 9;
/** How a command ends that is killed for a limit. */
const KILLED: BoxEnd = { exitCode: 128 + SIGKILL, signal: SIGKILL, outOfMemory: false };

/** Returns the command of a run. @param common what the sandbox has for all of them @throws USAGE */
export function commandOf(
  common: ProcessPlan,
  command: readonly string[],
  { env, user, workdir, stdin }: SandboxRunOptions,
): ProcessPlan {
  const [program = ''] = command;
  if (program === '') throw new TsimgError('USAGE', 'no command', { hint: "an array: ['ls', '-l']" });
  const own = containerRequest(command, { env, user });
  for (const word of [...command, ...(own.env ?? [])]) {
    if (word.includes('\0')) throw new TsimgError('USAGE', 'a command or a variable with a zero byte', { where: word });
  }
  return {
    ...common,
    args: command,
    env: mergeEnvironment(common.env, own.env ?? []),
    user: own.user ?? common.user,
    cwd: workdir === undefined ? common.cwd : checkWorkdir(workdir),
    stdin: stdin !== undefined,
  };
}

/** The bounds of a run. */
export interface RunBounds extends Pick<SandboxRunOptions, 'stdin'> {
  /** Milliseconds. */
  readonly time: number;
  /** Bytes of each output. */
  readonly output: number;
  readonly signals: readonly AbortSignal[];
}

/** Runs a command in a launch that waits for one. @throws as `execute`; the reason of a signal */
export async function runInBox(launch: BoxLaunch, command: ProcessPlan, bounds: RunBounds): Promise<SandboxResult> {
  const { time, output, signals } = bounds;
  const bound = new AbortController();
  const [overTime, overOutput] = [Symbol('time'), Symbol('output')];
  const stdout = boundedOutput(output, () => bound.abort(overOutput));
  const stderr = boundedOutput(output, () => bound.abort(overOutput));
  using stdin = inputStream(bounds.stdin, (error) => bound.abort(error));
  const streams = { stdin: stdin.stream, stdout: stdout.stream, stderr: stderr.stream };
  const endTimer = afterTime(time, () => bound.abort(overTime));
  let began = performance.now();
  const onRunning = () => {
    began = performance.now();
  };
  const result = ({ exitCode, signal, outOfMemory }: BoxEnd): SandboxResult => ({
    exitCode,
    signal: signal === undefined ? undefined : signalName(signal),
    stdout: stdout.bytes().toString(),
    stderr: stderr.bytes().toString(),
    timedOut: bound.signal.reason === overTime,
    outputExceeded: bound.signal.reason === overOutput,
    outOfMemory,
    duration: performance.now() - began,
  });
  try {
    return result(await launch.run({ command, streams }, AbortSignal.any([bound.signal, ...signals]), onRunning));
  } catch (error) {
    if (error !== overTime && error !== overOutput) throw error;
    return result(KILLED);
  } finally {
    endTimer();
  }
}
