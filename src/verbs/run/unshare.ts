import { TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import { probeHost } from '../../host/facts/probe.ts';
import { runInUserNamespace } from '../../host/start/in-user-namespace.ts';
import type { SignalSource } from '../../host/stdio/signal-source.ts';
import { planIdMap, singleIdReason } from '../../launch/plan/id-map.ts';

/**
 * Runs a command as root of the user namespace that this user's containers get, as `podman unshare` does, so that it
 * can change and remove files of subordinate IDs. Resolves with the command's exit status.
 * @throws USAGE for root, which needs no such namespace, and without a command; HOST_UNSUPPORTED, LAUNCH_FAILED
 */
export async function unshareCommand(
  command: readonly string[],
  { onEvent, signals }: Context & { readonly signals?: SignalSource | undefined } = {},
): Promise<number> {
  if (command.length === 0) throw new TsimgError('USAGE', 'no command', { hint: 'tsimg unshare COMMAND' });
  const facts = probeHost();
  if (facts.canMount) {
    throw new TsimgError('USAGE', 'root has all IDs already', { hint: 'run the command without tsimg unshare' });
  }
  const idMap = planIdMap(facts);
  const message = singleIdReason(facts, idMap);
  if (message !== undefined) onEvent?.({ kind: 'warning', message });
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return runInUserNamespace(idMap, facts.tools, { command, env, signals });
}
