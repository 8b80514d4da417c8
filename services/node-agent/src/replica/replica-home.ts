import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** How a Postgres is run on this machine. */
export type PostgresProgram = {
  /** The folder of the program `postgres`. */
  readonly binDir: string
  /** What stands before the command: Postgres refuses to run as root, so root names a program that switches the user. */
  readonly prefix: readonly string[]
  /** To whom its files are given; nobody else, when it runs as we do. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
}

/** Where everything of one replica lies. */
export type ReplicaHome = PostgresProgram & {
  readonly dir: string
  /** Where it answers: others than this process only when it has become the primary. */
  readonly listen: { readonly host: string; readonly port: number }
  /** The platform's database in it. */
  readonly database: string
  /** Settings of postgresql.conf beside ours. */
  readonly settings?: Readonly<Record<string, string>>
}

/** What a socket's path may be long (sun_path, unix(7)), with the name that Postgres gives it. */
const LONGEST_SOCKET_DIR = 107 - '/.s.PGSQL.65535'.length

export const pathIn = (home: Pick<ReplicaHome, 'dir'>, ...parts: readonly string[]): string => join(home.dir, ...parts)
export const dataOf = (home: Pick<ReplicaHome, 'dir'>): string => pathIn(home, 'data')
export const tlsOf = (home: Pick<ReplicaHome, 'dir'>): string => pathIn(home, 'tls')
/** Whether a whole copy lies there: it gets its name when it is. */
export const isCloned = (home: Pick<ReplicaHome, 'dir'>): boolean => existsSync(dataOf(home))

/** Gives a file or folder to the user whose Postgres reads it. */
export function own({ owner }: PostgresProgram, path: string): void {
  if (owner) chownSync(path, owner.uid, owner.gid)
}

/** A folder that only Postgres' user (and root) can enter. */
export function ownedFolder(home: ReplicaHome, path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  own(home, path)
  return path
}

/** The folder of its socket. Whoever can enter it is superuser of the copy; so nobody else can. */
export function socketFolder(home: ReplicaHome): string {
  const near = pathIn(home, 'run')
  if (near.length <= LONGEST_SOCKET_DIR) return ownedFolder(home, near)
  const far = mkdtempSync(join(tmpdir(), 'powernode-replica-')) // mode 0700, a name nobody can have taken
  own(home, far)
  return far
}

export function forgetSocketFolder(home: ReplicaHome, folder: string): void {
  if (folder !== pathIn(home, 'run')) rmSync(folder, { recursive: true, force: true })
}

/** Replaces a file at once, on disk before this returns; only its owner can read it. */
export function writeOwned(home: ReplicaHome, path: string, text: string): void {
  const next = `${path}.new`
  rmSync(next, { force: true })
  const file = openSync(next, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  own(home, next)
  renameSync(next, path)
  syncFolder(dirname(path))
}

/** A name that was given is lost with the power unless its folder is flushed. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
