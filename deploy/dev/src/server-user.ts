import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HAS_SETPRIV } from './child.ts'

/** As whom Postgres runs, where its files lie for that user, and how a command is given to him. */
export type ServerUser = {
  readonly user: { readonly uid: number; readonly gid: number } | undefined
  /** Arguments of setpriv that switch to the user. */
  readonly privileges: readonly string[]
  /** Binaries and data, at paths the user can reach. */
  readonly home: string
  readonly base: string
  own(path: string): void
}

/**
 * Postgres refuses to run as root (server/postgresql main.c), so root hands it to another user: `postgres`, else `nobody`.
 *
 * That user may be unable to reach a clone under a directory such as /root (0700). Then it is given the capability to
 * search directories, and nothing else of root's; where that is impossible, binaries and data go to a directory under
 * /var/tmp with a name nobody can guess, noted in `base`.
 */
export function serverUser(home: string, base: string): ServerUser {
  mkdirSync(base, { recursive: true, mode: 0o711 })
  if (process.getuid?.() !== 0) return { user: undefined, privileges: [], home, base, own: () => undefined }

  const user = findUser()
  const own = (path: string) => chownSync(path, user.uid, user.gid)
  const switchUser = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
  const drop = ['--inh-caps=-all', '--bounding-set=-all']
  // Without no_setuid_fixup access(2) looks through the eyes of the real user, without its capabilities; the clone of
  // the binaries is asked for with access(2) by initdb and postgres.
  const search = (cap: string) => [
    '--securebits=+no_setuid_fixup',
    ...['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=-all,+${cap}`),
  ]
  const choices = [[...switchUser, ...drop], switchUser, ...CAPABILITIES.map((cap) => [...switchUser, ...search(cap)])]
  // Data that went elsewhere once stays there, whatever has become possible since.
  for (const privileges of existsSync(join(base, 'elsewhere')) ? [] : HAS_SETPRIV ? choices : [[]]) {
    if (reaches(home, base, privileges, user)) return { user, privileges, home, base, own }
  }
  const refuge = refugeOf(base)
  if (!existsSync(join(refuge, 'native')))
    cpSync(home, join(refuge, 'native'), { recursive: true, verbatimSymlinks: true })
  const privileges = choices.find((choice) => reaches(join(refuge, 'native'), refuge, choice, user)) ?? []
  return { user, privileges: HAS_SETPRIV ? privileges : [], home: join(refuge, 'native'), base: refuge, own }
}

/** The weaker one first; a container's bounding set often has only the second. */
const CAPABILITIES = ['dac_read_search', 'dac_override']

function findUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([entry]) => entry === name) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('Postgres will not run as root: add a user named postgres, or run this as an ordinary user')
}

/** Whether the user, with these privileges, can run the binaries and enter the base directory. */
function reaches(
  home: string,
  base: string,
  privileges: readonly string[],
  user: { uid: number; gid: number },
): boolean {
  const script = '"$1/bin/postgres" --version && test -r "$1/share/postgres.bki" -o -d "$1/share" && cd "$2"'
  const command = ['/bin/sh', '-c', script, 'sh', home, base]
  const [file = '', ...args] = HAS_SETPRIV ? ['setpriv', ...privileges, '--', ...command] : command
  return spawnSync(file, args, { stdio: 'ignore', cwd: '/', ...(HAS_SETPRIV ? {} : user) }).status === 0
}

/** Makes, once, the directory for what the user cannot reach at its own place. */
function refugeOf(base: string): string {
  const note = join(base, 'elsewhere')
  if (existsSync(note)) return readFileSync(note, 'utf8').trim()
  const refuge = join('/var/tmp', `powernode-${randomBytes(16).toString('hex')}`)
  mkdirSync(refuge, { mode: 0o711 })
  writeFileSync(note, `${refuge}\n`, { mode: 0o600 })
  return refuge
}

/** Removes what `refugeOf` made for `base`, when it made something. */
export function removeRefuge(base: string): void {
  const note = join(base, 'elsewhere')
  if (existsSync(note)) execFileSync('rm', ['-rf', '--', readFileSync(note, 'utf8').trim()])
}
