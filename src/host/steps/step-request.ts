import type { Step } from '../../launch/launch-plan.ts';
import type { Call } from '../../sys/stub/request.ts';
import { callError, type Stub, stubIsGone } from '../../sys/stub/stub.ts';

/**
 * The calls of a step where all is as it is on nearly every host: the places are there, and nothing is refused. Those of
 * many steps are one request. Where one fails, the step is done again by its own function, which makes missing places,
 * goes other ways, and tells errors.
 */
export interface StepCalls {
  readonly calls: readonly Call[];
  /** The number of the first calls after which the step can still be done again. Default: all. */
  readonly redoable?: number;
  /**
   * Checks what the calls returned: the launch ends where it throws. No process of the container runs yet.
   * @throws LAUNCH_FAILED
   */
  check?(results: readonly (number | undefined)[]): void;
}

/** A step whose calls wait for those of other steps. */
export interface WaitingStep {
  readonly step: Step;
  readonly planned: StepCalls;
}

/**
 * A last call, which changes nothing: a stub that prepares a container has this umask. It is made even where the calls
 * before it are left out.
 */
const END: Call = { name: 'umask', args: [0] };

/**
 * Makes the calls of steps by one request. Returns the number of the step that has to be done again, if one has; those
 * after it are not done. @throws LAUNCH_FAILED, SYSTEM_CALL
 */
export function requestSteps(stub: Stub, steps: readonly WaitingStep[]): number | undefined {
  const performed = stub.perform([...steps.flatMap(({ planned }) => planned.calls), END]);
  if (performed === undefined) throw stubIsGone();
  let first = 0;
  for (const [index, { planned }] of steps.entries()) {
    const { calls, redoable = calls.length, check } = planned;
    const at = performed.call - first;
    if (at < calls.length) {
      if (at < redoable) return index;
      throw callError(calls[at]?.name ?? '', performed.result);
    }
    check?.(performed.results.slice(first, first + calls.length));
    first += calls.length;
  }
  return undefined;
}
