import { constants, writeFileSync } from 'node:fs';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { HostTools } from '../../launch/facts/host-facts.ts';
import type { IdMap } from '../../launch/launch-plan.ts';
import type { IdExtent } from '../../linux/ids.ts';
import { runCommand } from '../../sys/process/run-command.ts';
import { hideFromTracers, showToTracers } from '../../sys/stub/call/become.ts';
import { closeCall, openPathCall, writeCall } from '../../sys/stub/call/file-calls.ts';
import { makeNamespaces } from '../../sys/stub/call/namespaces.ts';
import { errnoName, type Stub, stubIsGone } from '../../sys/stub/stub.ts';
import { requireTool, TOOL_ENV } from '../facts/tools.ts';

function flat(extents: readonly IdExtent[]): readonly string[] {
  return extents.flatMap(({ inside, outside, count }) => [String(inside), String(outside), String(count)]);
}

function lines(extents: readonly IdExtent[]): string {
  return extents.map((extent) => `${flat([extent]).join(' ')}\n`).join('');
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

/**
 * Maps the caller alone, by one line. The kernel takes a group map only after setgroups(2) is denied (CVE-2014-8989).
 */
function writeSingle(pid: number, idMap: IdMap): void {
  try {
    writeFileSync(`/proc/${pid}/setgroups`, 'deny');
    writeFileSync(`/proc/${pid}/gid_map`, lines(idMap.gids));
    writeFileSync(`/proc/${pid}/uid_map`, lines(idMap.uids));
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'the ID map was refused', { why: errnoOf(cause) ?? 'unknown', cause });
  }
}

/** Writes the maps as root, who may map any ID; setgroups(2) stays allowed. */
function writeAll(pid: number, idMap: IdMap): void {
  try {
    writeFileSync(`/proc/${pid}/gid_map`, lines(idMap.gids));
    writeFileSync(`/proc/${pid}/uid_map`, lines(idMap.uids));
  } catch (cause) {
    throw new TsimgError('LAUNCH_FAILED', 'the ID map was refused', { why: errnoOf(cause) ?? 'unknown', cause });
  }
}

/** Writes the maps by a stub that is root of the namespace above: the kernel takes them from nobody further up. */
function writeByStub(writer: Stub, pid: number, idMap: IdMap): void {
  const calls = [['gid_map', idMap.gids] as const, ['uid_map', idMap.uids] as const].flatMap(([name, extents]) => {
    const file = openPathCall(`/proc/${pid}/${name}`, constants.O_WRONLY);
    return [file, writeCall(file, Buffer.from(lines(extents))), closeCall(file)];
  });
  const outcome = writer.attempt(calls);
  if (outcome === undefined) throw stubIsGone();
  if (outcome.result >= 0) return;
  throw new TsimgError('LAUNCH_FAILED', 'the ID map was refused', { why: errnoName(outcome.result) });
}

async function writeIdMaps(pid: number, idMap: IdMap, tools: HostTools): Promise<void> {
  if (idMap.by === 'single') return writeSingle(pid, idMap);
  if (idMap.by === 'root') return writeAll(pid, idMap);
  await runMapper(requireTool(tools, 'newuidmap'), pid, idMap.uids);
  await runMapper(requireTool(tools, 'newgidmap'), pid, idMap.gids);
}

/**
 * Moves a stub to a new user namespace with these maps. They are written to its files in /proc, which belong to the
 * caller only while the stub is dumpable. user_namespaces(7), proc(5).
 * @param writer root of the user namespace above, where that is not this process's own
 * @throws LAUNCH_FAILED, HOST_UNSUPPORTED, SYSTEM_CALL
 */
export async function makeUserNamespace(stub: Stub, idMap: IdMap, tools: HostTools, writer?: Stub): Promise<void> {
  makeNamespaces(stub, ['user']);
  showToTracers(stub);
  if (writer === undefined) await writeIdMaps(stub.pid, idMap, tools);
  else writeByStub(writer, stub.pid, idMap);
  hideFromTracers(stub);
}
