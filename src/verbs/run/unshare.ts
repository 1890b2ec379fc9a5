import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { runInUserNamespace } from '../../host/start/user-namespace.ts';
import type { SignalSource } from '../../host/stdio/signal-source.ts';
import { planIdMap, singleIdReason } from '../../launch/plan/id-map.ts';

/**
 * Runs a command as root of the user namespace that containers of this user get: to look at, change or remove what belongs to
 * subordinate IDs, as `podman unshare`. Resolves with its exit status.
 * @throws USAGE for root, who needs none, and without a command; HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function unshareCommand(
  command: readonly string[],
  { onEvent, signals }: Context & { readonly signals?: SignalSource | undefined } = {},
): Promise<number> {
  if (command.length === 0) throw new TsimgError('USAGE', 'no command', { hint: 'tsimg unshare COMMAND' });
  const facts = probeHost();
  if (facts.canMount) {
    throw new TsimgError('USAGE', 'root has all IDs already', { hint: 'run the command itself' });
  }
  const idMap = planIdMap(facts);
  const message = singleIdReason(facts, idMap);
  if (message !== undefined) onEvent?.({ kind: 'warning', message });
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return runInUserNamespace(idMap, facts.tools, { command, env, signals });
}
