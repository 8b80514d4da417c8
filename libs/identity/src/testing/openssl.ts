import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether the openssl command is here, to be asked for a second opinion. Without it those tests are skipped. */
export const hasOpenssl = /^OpenSSL [3-9]/.test(spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout)

/** Runs openssl in `dir` over these files; its verdict is all it printed. */
export function openssl(dir: string, files: Readonly<Record<string, string>>, ...args: readonly string[]): string {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content)
  const { stdout, stderr } = spawnSync('openssl', args, { cwd: dir, encoding: 'utf8' })
  return stdout + stderr
}
