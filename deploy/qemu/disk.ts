import { chownSync, globSync, lchownSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'
import { GUEST_USER } from './system.ts'
import type { Tool } from './tools.ts'

/** An ext4 file system with what lies in `from`, made without mounting anything and so without root (mke2fs -d). */
export async function makeDisk(
  file: string,
  { from, mib, journal, tools }: { from: string; mib: number; journal: boolean; tools: Readonly<Record<Tool, string>> },
): Promise<void> {
  const features = journal ? [] : ['-O', '^has_journal']
  const owner = `root_owner=${GUEST_USER.uid}:${GUEST_USER.gid},lazy_itable_init=1,lazy_journal_init=1`
  await run(tools.mke2fs, ['-q', '-F', '-t', 'ext4', '-m', '0', ...features, '-E', owner, '-d', from, file, `${mib}M`])
}

/** Root that builds an image builds it for the guest's user; anybody else is that user already. */
export function ownedByGuest(dir: string): void {
  if (process.getuid?.() !== 0) return
  chownSync(dir, GUEST_USER.uid, GUEST_USER.gid)
  for (const path of globSync('**/*', { cwd: dir })) lchownSync(join(dir, path), GUEST_USER.uid, GUEST_USER.gid)
}
