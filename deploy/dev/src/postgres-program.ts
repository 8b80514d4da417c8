import { HAS_SETPRIV } from './child.ts'
import { postgresHome } from './postgres-binaries.ts'
import { serverUser } from './server-user.ts'
import { join } from 'node:path'

/** How the Postgres that we bring along is run for files in `dir`, in the words of node-agent: it has no users of its own to switch to. */
export type PostgresProgram = {
  readonly binDir: string
  readonly prefix: readonly string[]
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
}

/** It ends when whoever starts it ends, however that is (PR_SET_PDEATHSIG), where setpriv is there to see to it. */
export function postgresProgram(dir: string): PostgresProgram {
  const { home, privileges, user } = serverUser(postgresHome(), dir)
  const prefix = HAS_SETPRIV ? ['setpriv', ...privileges, '--pdeathsig', 'INT', '--'] : []
  return { binDir: join(home, 'bin'), prefix, owner: user }
}
