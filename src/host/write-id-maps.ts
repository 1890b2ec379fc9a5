import { writeFileSync } from 'node:fs';
import { errnoOf, TsimgError } from '../errors.ts';
import type { HostTools } from '../launch/host-facts.ts';
import type { IdMap } from '../launch/plan.ts';
import type { IdExtent } from '../linux/ids.ts';
import { runCommand } from '../sys/spawn.ts';
import { TOOL_ENV } from './tool-chain.ts';
import { requireTool } from './tools.ts';

function flat(extents: readonly IdExtent[]): readonly string[] {
  return extents.flatMap(({ inside, outside, count }) => [String(inside), String(outside), String(count)]);
}

async function runMapper(path: string, pid: number, extents: readonly IdExtent[]): Promise<void> {
  const { status, stderr } = await runCommand(path, [String(pid), ...flat(extents)], { env: TOOL_ENV });
  if (status === 0) return;
  throw new TsimgError('LAUNCH_FAILED', 'the ID map was refused', {
    where: path,
    why: stderr.toString('utf8').trim(),
    hint: 'look at /etc/subuid and /etc/subgid, and whether the program is setuid root',
  });
}

/** One line that maps the caller to root; a group map needs setgroups denied before (CVE-2014-8989). */
function writeSingle(pid: number, idMap: IdMap): void {
  try {
    writeFileSync(`/proc/${pid}/setgroups`, 'deny');
    writeFileSync(`/proc/${pid}/gid_map`, `${flat(idMap.gids).join(' ')}\n`);
    writeFileSync(`/proc/${pid}/uid_map`, `${flat(idMap.uids).join(' ')}\n`);
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'the ID map was refused', { why: errnoOf(cause) ?? 'unknown', cause });
  }
}

/** Writes the maps of a process's new user namespace. user_namespaces(7). @throws LAUNCH_FAILED, HOST_UNSUPPORTED */
export async function writeIdMaps(pid: number, idMap: IdMap, tools: HostTools): Promise<void> {
  if (idMap.by === 'single') return writeSingle(pid, idMap);
  await runMapper(requireTool(tools, 'newuidmap'), pid, idMap.uids);
  await runMapper(requireTool(tools, 'newgidmap'), pid, idMap.gids);
}
